package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/kolkstream/kolk/cmd/kolk/internal/config"
	"github.com/kolkstream/kolk/processor"
)

func (a *app) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run FILE --brokers HOST:PORT",
		Short: "Run a topology against brokers, sharing the work with its other instances",
		Args:  cobra.ExactArgs(1),
	}
	config.Register(cmd.Flags(), config.Logging, config.Cluster, config.Running)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.read(cmd)
		if err != nil {
			return err
		}
		if len(c.Processor.Brokers) == 0 {
			return usage(errNoBrokers)
		}
		file, err := readTopology(args[0])
		if err != nil {
			return err
		}
		c.Processor.Logger = logger(c.Log, a.stderr)
		c.Processor.TuneGC()
		instance, err := processor.New(file.Plan(), c.Processor)
		if err != nil {
			return usage(c.Explain(err))
		}
		begin := time.Now()
		err = instance.Run(cmd.Context())
		io.WriteString(a.stderr, summary(file.Plan().Name(), instance.Stats(), time.Since(begin)))
		return ended(cmd.Context(), err, c.Processor.UntilEnd)
	}
	return cmd
}

var errNoBrokers = errors.New("no brokers: give --brokers HOST:PORT, or set KOLK_BROKERS")

// ended is what a run's end means for the exit code: a bounded run that a signal stopped has not
// done what it was asked to.
func ended(ctx context.Context, err error, untilEnd bool) error {
	if cause := context.Cause(ctx); errors.Is(cause, errBrokerEnded) {
		return errors.Join(err, cause)
	}
	if err == nil && untilEnd && ctx.Err() != nil {
		return &exitError{exitInterrupted, fmt.Errorf("%w before the end; run it again to go on", errSignal)}
	}
	return err
}
