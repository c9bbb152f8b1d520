package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kolkstream/kolk/cmd/kolk/internal/broker"
	"github.com/kolkstream/kolk/cmd/kolk/internal/config"
	"github.com/kolkstream/kolk/processor/embedded"
)

// brokerCommand is what `kolk dev` starts as its broker. It is not for users: it ends with its
// standard input.
func (a *app) brokerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "embedded-broker DIR", Hidden: true, Args: cobra.ExactArgs(1)}
	fresh := cmd.Flags().Bool("fresh", false, "")
	port := cmd.Flags().Int("port", 0, "")
	config.Register(cmd.Flags(), config.Logging)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.read(cmd)
		if err != nil {
			return err
		}
		return broker.Serve(embedded.Options{Dir: args[0], Fresh: *fresh, Port: *port, Logger: logger(c.Log, a.stderr)}, os.Stdin, a.stdout)
	}
	return cmd
}

// startBroker starts this program once more, as the broker.
func startBroker(c config.Config, stderr io.Writer) (*broker.Process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	return broker.Spawn([]string{exe, "embedded-broker", "--fresh=" + strconv.FormatBool(c.Fresh), "--port=" + strconv.Itoa(c.Port),
		"--log-level=" + strings.ToLower(c.Level.String()), "--log-format=" + c.Format, "--", c.DataDir}, stderr)
}

var errBrokerEnded = errors.New("the embedded broker has ended")

// while returns a context that ends with the broker.
func while(ctx context.Context, b *broker.Process) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-b.Done():
			cancel(errBrokerEnded)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}
