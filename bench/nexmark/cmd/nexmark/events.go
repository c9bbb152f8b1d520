package main

import (
	"flag"
	"fmt"
	"time"

	"github.com/kolkstream/kolk/bench/nexmark"
)

// events says which events there are. The same ones come from the same flags.
type events struct {
	config nexmark.Config
	count  int64
	base   string
}

func (e *events) flags(fs *flag.FlagSet, count int64) {
	fs.Int64Var(&e.count, "events", count, "how many: of 50, one is a person, three are auctions, 46 are bids")
	fs.Uint64Var(&e.config.Seed, "seed", 1, "of everything that is drawn")
	fs.Int64Var(&e.config.Rate, "event-rate", nexmark.DefaultRate, "events in a second of event time; -rate of load says how fast they are written")
	fs.StringVar(&e.base, "base", nexmark.DefaultBase().Format(time.RFC3339), "time of the first event")
	fs.Int64Var(&e.config.OutOfOrder, "out-of-order", 1, "length of groups in which events are shuffled; 1 is in order")
}

func (e *events) generator() (*nexmark.Generator, error) {
	base, err := time.Parse(time.RFC3339, e.base)
	if err != nil {
		return nil, usageError{fmt.Errorf("-base is a time like 2026-01-01T00:00:00Z: %w", err)}
	}
	if e.count < 1 {
		return nil, usageError{fmt.Errorf("-events is %d", e.count)}
	}
	if e.config.Rate < 1 {
		return nil, usageError{fmt.Errorf("-event-rate is %d", e.config.Rate)}
	}
	e.config.Base = base
	g, err := nexmark.New(e.config)
	if err != nil {
		return nil, usageError{err}
	}
	return g, nil
}
