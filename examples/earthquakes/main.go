// Command earthquakes counts earthquakes per network and six hours, with the largest magnitude.
// Events come in the order in which they were last revised, so their own time is out of order by up
// to a week. topology.yaml is the same job for the command kolk.
//
//	go run ./examples/earthquakes --brokers localhost:9092 --grace 168h
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/kolkstream/kolk/processor"
)

func main() {
	brokers := flag.String("brokers", "localhost:9092", "addresses of brokers, separated by commas")
	stateDir := flag.String("state-dir", "", "directory of the local state (default kolk-state/earthquakes)")
	grace := flag.Duration("grace", 12*time.Hour, "how long a window waits for events that come late")
	untilEnd := flag.Bool("until-end", false, "process what is there, close all windows, and exit")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, *grace, processor.Config{
		Brokers:  strings.Split(*brokers, ","),
		StateDir: *stateDir,
		UntilEnd: *untilEnd,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "earthquakes:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, grace time.Duration, cfg processor.Config) error {
	plan, err := strongestByNetwork(grace)
	if err != nil {
		return err
	}
	app, err := processor.New(plan, cfg)
	if err != nil {
		return err
	}
	return app.Run(ctx)
}
