package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"
)

// What -idle measures: for how long, after what pause, with how many partitions.
const (
	idleFor    = 20 * time.Second
	idleAfter  = 3 * time.Second
	idleEvents = 20_000
)

var idlePartitions = []int32{4, 64}

// idle runs a program on a small input, and then measures for a while the share of a core that it
// takes with nothing to do.
func (b *bench) idle(ctx context.Context, p program, workload string, idleFor time.Duration) (share float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	in, err := b.inputs(ctx, workload)
	if err != nil {
		return 0, err
	}
	b.count++
	app := fmt.Sprintf("kolk-bench-%s-idle-%d-%d", p.name, os.Getpid(), b.count)
	out := app + "-out" // forgotten with the application's own
	state := filepath.Join(b.dirs.work, "state", app)
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		b.cluster.forget(clean, app)
		_ = os.RemoveAll(state) // the work directory goes as a whole
	}()
	if err := b.cluster.create(ctx, out, b.data.partitions); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(state, 0o755); err != nil {
		return 0, err
	}
	command := append(p.command[:len(p.command):len(p.command)], b.settings.args(workload, b.broker.addr, app, state, in, out)...)
	x, err := start(command, "", b.dirs.log(app), nil)
	if err != nil {
		return 0, err
	}
	if _, err := b.cluster.follow(ctx, x, app, in, workload == "rekey-count", nil); err != nil {
		err = fmt.Errorf("%w\n%s", err, x.tail())
		x.kill()
		return 0, err
	}
	wait := func(d time.Duration) {
		select {
		case <-x.done:
		case <-ctx.Done():
		case <-time.After(d):
		}
	}
	wait(idleAfter)
	began, before := time.Now(), x.cpu()
	wait(idleFor)
	share = (x.cpu() - before).Seconds() / time.Since(began).Seconds()
	return share, errors.Join(ctx.Err(), x.stop())
}

// allIdle prints what every program takes with nothing to do.
func (b *bench) allIdle(ctx context.Context, w io.Writer, ps []program, workloads []string, runs int) error {
	fmt.Fprintf(w, "\nPer cent of a core with nothing to do, after %d events, over %v: exactly-once, commits every %v, %d workers, on %s.\n\n",
		idleEvents, idleFor, b.settings.commit, b.settings.threads, b.broker.name)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "workload\tprogram\t")
	for _, n := range idlePartitions {
		fmt.Fprintf(t, "%d partitions\t", n)
	}
	fmt.Fprintln(t)
	b.data.n = idleEvents
	for _, workload := range workloads {
		shares := map[string][][]float64{} // by program and number of partitions
		for range runs {
			for _, p := range ps {
				if !p.has(workload) {
					continue
				}
				if shares[p.name] == nil {
					shares[p.name] = make([][]float64, len(idlePartitions))
				}
				for i, n := range idlePartitions {
					b.data.partitions = n
					share, err := b.idle(ctx, p, workload, idleFor)
					if err != nil {
						return fmt.Errorf("%s, %s, %d partitions: %w", workload, p.name, n, err)
					}
					fmt.Fprintf(os.Stderr, "idle %s %s, %d partitions: %.2f %%\n", workload, p.name, n, 100*share)
					shares[p.name][i] = append(shares[p.name][i], share)
				}
			}
		}
		for _, p := range ps {
			if shares[p.name] == nil {
				continue
			}
			fmt.Fprintf(t, "%s\t%s\t", workload, p.name)
			for _, s := range shares[p.name] {
				fmt.Fprintf(t, "%.2f\t", 100*middle(s))
			}
			fmt.Fprintln(t)
		}
	}
	return t.Flush()
}
