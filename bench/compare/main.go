// Command compare runs the benchmark's workloads on kolk and on programs that do the same work (a
// hand-written loop, Kafka Streams), and prints what they cost side by side. Everything is measured
// from outside: progress by the group's committed offsets, CPU time and memory by /proc, results by
// a read-committed reader that compares them with a plain loop over the generated input.
// docs/performance.md says how to read the numbers.
//
//	compare -workloads count -n 1000000 -runs 3
//	compare -broker kafka -programs kolk,kafka-streams
//	compare -keys 100000,1000000 -plot keys.svg
//
// The programs take turns, run by run. The exit status is 1 if one of them failed or gave a wrong
// result.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == serveArg {
		exit(serve())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(2)
	}
	exit(compare(ctx, o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

type options struct {
	data                data
	settings            settings
	runs                int
	workloads, programs []string
	broker, work        string
	dirs                dirs
	limit               time.Duration
	profiles            string
	trace               bool
	restarts, idle      bool
	axis                axis
	plot                string
}

func parse(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("compare", flag.ContinueOnError)
	fs.IntVar(&o.data.n, "n", 1_000_000, "events")
	keys := fs.String("keys", "100000", "distinct keys; several numbers, with commas between, make a series: every key is there before -n events count")
	fs.IntVar(&o.data.valueBytes, "value-bytes", 100, "length of a value")
	partitions := fs.String("partitions", "4", "of every topic; several numbers make a series")
	fs.StringVar(&o.plot, "plot", "", "file for a picture (SVG) of a series")
	fs.Uint64Var(&o.data.seed, "seed", 1, "of the generated data")
	base := fs.String("base", "", "time of the first event, RFC 3339; default: midnight UTC of today, so that no retention touches the data")
	fs.IntVar(&o.runs, "runs", 3, "runs of each program on each workload")
	workloads := fs.String("workloads", "passthrough,count,count-nocache", "also table, window-count, window-final, session-count, join-table, join-stream, rekey-count")
	programs := fs.String("programs", "loop,kolk", "loop, kolk, kafka-streams, or NAME=COMMAND, with commas between")
	fs.StringVar(&o.broker, "broker", "embedded", "embedded, kafka, or host:port of one that runs")
	fs.DurationVar(&o.settings.commit, "commit", 100*time.Millisecond, "commit interval")
	fs.IntVar(&o.settings.threads, "threads", 2, "workers of each program")
	fs.IntVar(&o.settings.cacheMB, "cache-mb", 64, "record cache of each program")
	fs.StringVar(&o.work, "work", "", "directory for state, logs and Apache Kafka's data; default: a temporary one, removed at the end")
	fs.StringVar(&o.dirs.bin, "bin", "", "where the programs peer and loop are; default: beside this one")
	fs.StringVar(&o.dirs.java, "java", "bench/kafkastreams", "where the Kafka Streams program is")
	fs.DurationVar(&o.limit, "limit", 5*time.Minute, "for one run")
	fs.StringVar(&o.profiles, "profiles", "", "directory: after the runs, kolk runs each workload once more and writes WORKLOAD.cpu.prof and WORKLOAD.alloc.prof there")
	fs.BoolVar(&o.restarts, "restarts", false, "instead of the workloads: build a table of -n keys, and measure restarts")
	fs.BoolVar(&o.idle, "idle", false, "instead of the workloads: measure what the programs take with nothing to do, with 4 and 64 partitions")
	fs.BoolVar(&o.trace, "trace", false, "print the progress of each run, sample by sample")
	err := fs.Parse(args)
	if err != nil {
		return o, err
	}
	o.workloads, o.programs = strings.Split(*workloads, ","), strings.Split(*programs, ",")
	if o.axis, err = series(*keys, *partitions, &o.data); err != nil {
		return o, err
	}
	o.data.base = time.Now().UTC().Truncate(24 * time.Hour).UnixMilli()
	if *base != "" {
		t, err := time.Parse(time.RFC3339, *base)
		if err != nil {
			return o, err
		}
		o.data.base = t.UnixMilli()
	}
	if o.data.n < 1 || o.runs < 1 || o.settings.threads < 1 {
		return o, errors.New("-n, -runs and -threads must be at least 1")
	}
	if o.axis.name != "" && (o.restarts || o.profiles != "") || o.axis.name == "" && o.plot != "" {
		return o, errors.New("-restarts and -profiles are for one number of keys and partitions, -plot is for several")
	}
	for _, w := range o.workloads {
		if _, err := expect(w, data{partitions: 1}); err != nil {
			return o, err
		}
	}
	return o, checkPlatform()
}

// compare runs everything and prints the table.
func compare(ctx context.Context, o options) (err error) {
	if o.dirs.bin == "" {
		exe, err := os.Executable()
		if err != nil {
			return err
		}
		o.dirs.bin = filepath.Dir(exe)
	}
	if o.dirs.java, err = filepath.Abs(o.dirs.java); err != nil {
		return err
	}
	if o.dirs.work, err = filepath.Abs(o.work); err != nil {
		return err
	}
	if o.work == "" {
		if o.dirs.work, err = os.MkdirTemp("", "kolk-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.dirs.work)) }()
	}
	if o.profiles != "" {
		if err := os.MkdirAll(o.profiles, 0o755); err != nil {
			return err
		}
	}
	ps, err := programs(o.programs, o.dirs)
	if err != nil {
		return err
	}
	br, err := startBroker(ctx, o.broker, o.dirs)
	if err != nil {
		return err
	}
	defer br.stop()
	cl, err := connect(br.addr)
	if err != nil {
		return err
	}
	defer cl.close()
	b := &bench{cluster: cl, broker: br, dirs: o.dirs, data: o.data, settings: o.settings, limit: o.limit, profiles: o.profiles, trace: o.trace, checks: map[string]func() check{}}
	if o.restarts {
		return b.allRestarts(ctx, os.Stdout, ps, o.runs)
	}
	if o.axis.name != "" {
		return b.series(ctx, os.Stdout, ps, o)
	}
	if o.idle {
		return b.allIdle(ctx, os.Stdout, ps, o.workloads, o.runs)
	}
	results, err := b.all(ctx, ps, o.workloads, o.runs)
	if len(results) > 0 {
		b.table(os.Stdout, results)
	}
	return err
}

// warm lets a broker that has just been started do the work once, with the first of the programs,
// before anything is measured: Apache Kafka's JVM compiles for as long as a run of a fast program
// takes, on the same processors.
func (b *bench) warm(ctx context.Context, ps []program, workload string) error {
	i := slices.IndexFunc(ps, func(p program) bool { return p.has(workload) })
	if !b.broker.compiles || i < 0 {
		return nil
	}
	if r := b.run(ctx, ps[i], workload, false); r.err != nil {
		return fmt.Errorf("warm-up: %w", r.err)
	}
	return nil
}

// all runs the programs in turn, so that whatever else the machine does meets them alike.
func (b *bench) all(ctx context.Context, ps []program, workloads []string, runs int) ([]result, error) {
	var (
		results []result
		failed  int
	)
	for _, w := range workloads {
		if err := b.warm(ctx, ps, w); err != nil {
			return results, err
		}
		for range runs {
			for _, p := range ps {
				if !p.has(w) {
					continue
				}
				r := b.run(ctx, p, w, false)
				if ctx.Err() != nil {
					return results, errors.New("interrupted")
				}
				fmt.Fprintln(os.Stderr, r.line())
				results = append(results, r)
				if r.err != nil {
					failed++
				}
			}
		}
		for _, p := range ps {
			if p.name == kolk && b.profiles != "" {
				if r := b.run(ctx, p, w, true); r.err != nil {
					return results, fmt.Errorf("profile: %w", r.err)
				}
			}
		}
		delete(b.checks, w) // it may be large
	}
	if failed > 0 {
		return results, fmt.Errorf("%d of %d runs failed", failed, len(results))
	}
	return results, nil
}
