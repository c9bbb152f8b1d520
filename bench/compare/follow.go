package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// sample is what was seen of a run at one moment.
type sample struct {
	at        time.Time
	committed int64 // input records that the group has committed
	cpu       time.Duration
	broker    time.Duration
}

// progress says how far the group of a run is.
type progress struct {
	done, total int64
	rest        bool // something is left to do
}

const (
	pollEvery = 20 * time.Millisecond
	// settle is how long a workload with a repartition topic must have nothing left: between two
	// commits its second half may be caught up while the first is not.
	settle = 300 * time.Millisecond
	// markers is how many offsets of a partition of a repartition topic may be left: those of
	// transaction markers.
	markers = 4
)

// follow watches the committed offsets until the run has processed its input, or the program ends,
// or ctx.
func (c *cluster) follow(ctx context.Context, x *child, app string, in []string, repartitions bool, broker *process) ([]sample, error) {
	var (
		samples []sample
		quiet   time.Time // since when nothing is left
	)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		p, err := c.progress(ctx, app, in, repartitions)
		if err == nil {
			s := sample{at: time.Now(), committed: p.done, cpu: x.cpu(), broker: broker.cpu()}
			if p.rest || len(samples) == 0 || s.committed != samples[len(samples)-1].committed {
				samples = append(samples, s)
				quiet = time.Time{}
			}
			if !p.rest {
				if quiet.IsZero() {
					quiet = s.at
				}
				if !repartitions || s.at.Sub(quiet) >= settle {
					return samples, nil
				}
			}
		}
		select {
		case <-x.done:
			return samples, fmt.Errorf("the program ended too early (%v)", x.err)
		case <-ctx.Done():
			return samples, errors.Join(fmt.Errorf("not done in time: %d of %d", p.done, p.total), err)
		case <-tick.C:
		}
	}
}

// progress compares the group's offsets with the ends of the input and, for workloads that have
// them, repartition topics.
func (c *cluster) progress(ctx context.Context, app string, in []string, repartitions bool) (progress, error) {
	topics := in
	if repartitions {
		internal, err := c.internal(ctx, app)
		if err != nil {
			return progress{}, err
		}
		for _, t := range internal {
			if strings.Contains(t[len(app):], "repartition") {
				topics = append(topics[:len(topics):len(topics)], t)
			}
		}
		if len(topics) == len(in) {
			return progress{rest: true}, nil // it has not begun
		}
	}
	offsets, err := c.adm.FetchOffsets(ctx, app)
	if err != nil {
		return progress{}, err
	}
	ends, err := c.adm.ListEndOffsets(ctx, topics...)
	if err != nil {
		return progress{}, err
	}
	var p progress
	for i, t := range topics {
		for n, end := range ends[t] {
			var at int64
			if o, ok := offsets.Lookup(t, n); ok {
				at = max(o.At, 0)
			}
			if i < len(in) {
				p.done += at
				p.total += end.Offset
				p.rest = p.rest || at < end.Offset
			} else {
				p.rest = p.rest || at+markers < end.Offset
			}
		}
	}
	return p, nil
}
