package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/kolkstream/kolk/cmd/kolk/internal/config"
	"github.com/kolkstream/kolk/cmd/kolk/internal/load"
	"github.com/kolkstream/kolk/cmd/kolk/internal/tail"
	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

const devHelp = `Run a topology with an embedded broker: for trying out, not for production.

The broker, the state of the topology and the place in its output are kept in a
directory: a second run goes on where the first one stopped, and each file of --data
is loaded once. Results go to standard output, everything else to standard error.`

func (a *app) devCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "dev FILE [--data TOPIC=FILE]...",
		Short:   "Run a topology with an embedded broker, and show its output",
		Long:    devHelp,
		Example: "  kolk dev topology.yaml --data orders=orders.jsonl.gz --until-end",
		Args:    cobra.ExactArgs(1),
	}
	config.Register(cmd.Flags(), config.Logging, config.Running, config.Loading, config.Developing)
	_ = cmd.Flags().MarkHidden("state-dir") // it lies in the data directory
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.read(cmd)
		if err != nil {
			return err
		}
		file, err := readTopology(args[0])
		if err != nil {
			return err
		}
		return a.dev(cmd.Context(), c, args[0], file)
	}
	return cmd
}

func (a *app) dev(ctx context.Context, c config.Config, path string, file *topoyaml.File) (err error) {
	in, err := inputs(c.Data, file) // mistakes first, before anything is created
	if err != nil {
		return err
	}
	if c.DataDir == "" {
		c.DataDir = filepath.Join("kolk-data", file.Plan().Name())
	}
	c.Processor.Brokers = []string{"127.0.0.1"} // the port is not known yet
	if _, err := processor.New(file.Plan(), c.Processor); err != nil {
		return usage(c.Explain(err))
	}
	show := a.show(c, file)
	b, err := startBroker(c, show.errors)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	ctx, cancel := while(ctx, b)
	defer cancel()
	c.Processor.Brokers = []string{b.Addr()}
	c.Processor.StateDir = filepath.Join(c.DataDir, "state")
	fmt.Fprintf(show.errors, "embedded broker on %s, kept in %s; to join: kolk run %s --brokers %s\n", b.Addr(), c.DataDir, path, b.Addr())
	if err := fill(ctx, show.errors, c, file, in); err != nil {
		if errors.Is(err, load.ErrPartitions) {
			err = fmt.Errorf("%w; --fresh begins anew", err)
		}
		return err
	}
	return a.follow(ctx, c, file, show, logger(c.Log, show.errors))
}

// follow runs the topology and shows its output until it ends, and then the rest of the output.
func (a *app) follow(ctx context.Context, c config.Config, file *topoyaml.File, show *show, log *slog.Logger) error {
	c.Processor.Logger = log
	c.Processor.TuneGC()
	instance, err := processor.New(file.Plan(), c.Processor)
	if err != nil {
		return usage(c.Explain(err))
	}
	kept := filepath.Join(c.DataDir, "printed.json")
	from, err := tail.ReadPositions(kept)
	if err != nil {
		return err
	}
	// The tail outlives ctx: what the topology commits while it stops is shown.
	reading, stopReading := context.WithCancel(context.WithoutCancel(ctx))
	defer stopReading()
	var out *tail.Tail
	noted := time.Now()
	batch := func() error {
		if err := show.flush(); err != nil || time.Since(noted) < time.Second {
			return err
		}
		noted = time.Now()
		// a run after a kill prints again what came later
		return tail.WritePositions(kept, out.Positions())
	}
	out, err = tail.New(reading, tail.Options{Brokers: c.Processor.Brokers, Topics: sinks(file), From: from, Handle: show.record, Batch: batch})
	if err != nil {
		return err
	}
	defer out.Close()

	running, stopRunning := context.WithCancel(ctx)
	defer stopRunning()
	followed := make(chan error, 1)
	go func() {
		err := out.Follow(reading)
		if err != nil {
			stopRunning() // nobody sees the results: the terminal or the pipe is gone
		}
		followed <- err
	}()
	begin := time.Now()
	speed := meter{at: begin}
	stopProgress := show.progress(func() string { return speed.progress(instance.Stats(), time.Now()) })
	err = instance.Run(running)
	took := time.Since(begin)
	stopProgress()
	_, differs := errors.AsType[*processor.StateDiffersError](err)
	if _, behind := errors.AsType[*processor.StateLeftBehindError](err); behind || differs {
		err = fmt.Errorf("%w; --fresh begins anew", err)
	}
	stopReading()
	failed := <-followed
	if failed == nil {
		failed = out.Drain(context.WithoutCancel(ctx))
	}
	failed = errors.Join(failed, show.close())
	if failed == nil {
		failed = tail.WritePositions(kept, out.Positions())
	}
	io.WriteString(show.errors, summary(file.Plan().Name(), instance.Stats(), took))
	return errors.Join(ended(ctx, err, c.Processor.UntilEnd), failed)
}
