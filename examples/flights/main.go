// Command flights computes delay statistics of flights per state and day. job.go is the topology;
// topology.yaml is the same job for the command kolk.
//
//	go run ./examples/flights --brokers localhost:9092
//
// The topics flights, airports and delays-by-state must exist; `kolk load` creates and fills them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/kolkstream/kolk/processor"
)

func main() {
	brokers := flag.String("brokers", "localhost:9092", "addresses of brokers, separated by commas")
	stateDir := flag.String("state-dir", "", "directory of the local state (default kolk-state/flight-delays)")
	workers := flag.Int("workers", 0, "workers (default one per processor)")
	untilEnd := flag.Bool("until-end", false, "process what is there, close all windows, and exit")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, processor.Config{
		Brokers:  strings.Split(*brokers, ","),
		StateDir: *stateDir,
		Workers:  *workers,
		UntilEnd: *untilEnd,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "flights:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg processor.Config) error {
	plan, err := delaysByState()
	if err != nil {
		return err
	}
	app, err := processor.New(plan, cfg)
	if err != nil {
		return err
	}
	return app.Run(ctx)
}
