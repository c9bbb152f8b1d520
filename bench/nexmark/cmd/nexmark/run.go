package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/bench/nexmark"
	"github.com/kolkstream/kolk/bench/nexmark/queries"
	"github.com/kolkstream/kolk/bench/nexmark/reference"
	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/topology"
)

// running is the running of queries over a topic of events.
type running struct {
	brokers   []string
	generator *nexmark.Generator
	count     int64
	workers   int
	progress  io.Writer
}

func runCommand(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	r := running{progress: progress}
	var e events
	fs := flag.NewFlagSet("nexmark run", flag.ContinueOnError)
	names := fs.String("queries", "all", "queries, with commas between")
	languages := fs.String("languages", "go", "what they are written in: go, yaml, or both with a comma between")
	brokers := fs.String("brokers", "", "brokers with the events, which load has put there with the same flags (default: an embedded broker)")
	partitions := fs.Int("partitions", defaultPartitions, "of the events' topic on the embedded broker")
	fs.IntVar(&r.workers, "workers", 0, "workers (default: one per processor)")
	e.flags(fs, 1_000_000)
	if err := parse(fs, args, progress); err != nil {
		return err
	}
	jobs, err := jobs(*names, *languages)
	if err != nil {
		return err
	}
	if *partitions < 1 || *partitions > 10_000 {
		return usageError{fmt.Errorf("-partitions is %d", *partitions)}
	}
	if r.generator, err = e.generator(); err != nil {
		return err
	}
	r.count = e.count
	if *brokers != "" {
		r.brokers = list(*brokers)
	} else {
		addr, stop, err2 := embedded()
		if err2 != nil {
			return err2
		}
		defer func() { err = errors.Join(err, stop()) }()
		r.brokers = []string{addr}
		l := loading{brokers: r.brokers, topic: queries.Topic, partitions: int32(*partitions), generator: r.generator, count: r.count}
		if err := l.run(ctx, progress); err != nil {
			return err
		}
	}
	return r.all(ctx, jobs, out)
}

// job is a query in a language.
type job struct {
	query, language string
	plan            *topology.Plan
}

func jobs(names, languages string) ([]job, error) {
	var all []job
	if names == "all" {
		names = strings.Join(queries.Names(), ",")
	}
	for _, query := range list(names) {
		for _, language := range list(languages) {
			build, ok := map[string]func(string) (*topology.Plan, error){"go": queries.Go, "yaml": queries.YAML}[language]
			if !ok {
				return nil, usageError{fmt.Errorf("there is no language %q; there are go, yaml", language)}
			}
			plan, err := build(query)
			if err != nil {
				return nil, usageError{err}
			}
			all = append(all, job{query, language, plan})
		}
	}
	return all, nil
}

// all runs jobs one after the other. One that fails does not keep the others from running.
func (r running) all(ctx context.Context, jobs []job, out io.Writer) error {
	c, err := connect(r.brokers)
	if err != nil {
		return err
	}
	defer c.close()
	ends, ok, err := c.ends(ctx, queries.Topic)
	if err != nil {
		return err
	}
	if n := sum(ends); !ok || n != r.count {
		return fmt.Errorf("the topic %s holds %s events, not %s: nexmark load, with the same -events and -seed, fills it", queries.Topic, humanize.Comma(n), humanize.Comma(r.count))
	}
	if _, err := fmt.Fprintf(out, "%-6s %-8s %10s %12s %12s %14s\n", "query", "written", "seconds", "events/s", "per CPU-s", "results"); err != nil {
		return err
	}
	var errs []error
	for _, j := range jobs {
		m, err := r.one(ctx, c, j, int32(len(ends)))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s in %s: %w", j.query, j.language, err))
			if ctx.Err() != nil {
				break
			}
			continue
		}
		perCPU := "-"
		if m.cpu > 0 {
			perCPU = humanize.Comma(int64(float64(r.count) / m.cpu.Seconds()))
		}
		_, err = fmt.Fprintf(out, "%-6s %-8s %10.1f %12s %12s %14s\n", j.query, j.language, m.took.Seconds(),
			humanize.Comma(int64(float64(r.count)/m.took.Seconds())), perCPU, humanize.Comma(int64(m.results)))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// measured is how fast a query was, from the start of the application to its end.
type measured struct {
	took, cpu time.Duration
	results   int
}

// one runs a query from the first event to the last, and verifies what it has written.
func (r running) one(ctx context.Context, c *cluster, j job, partitions int32) (m measured, err error) {
	app := queries.Application(j.query)
	found, err := c.topics(ctx, app)
	if err != nil {
		return m, err
	}
	if len(found) > 0 {
		return m, fmt.Errorf("there are topics of another run: delete %s, and the group %s", strings.Join(found, ", "), app)
	}
	if err := c.create(ctx, app, partitions); err != nil {
		return m, err
	}
	defer c.forget(context.WithoutCancel(ctx), app)
	dir, err := os.MkdirTemp("", "nexmark")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cfg := processor.Config{
		Brokers:  r.brokers,
		StateDir: dir,
		Workers:  r.workers,
		UntilEnd: true,
		Logger:   slog.New(slog.NewTextHandler(r.progress, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if j.query == "q12" {
		cfg.Clock = standing(r.generator.Time(0))
	}
	a, err := processor.New(j.plan, cfg)
	if err != nil {
		return m, err
	}
	runtime.GC() // what the one before has left is not this one's work
	start, cpu := time.Now(), cpuTime()
	if err := a.Run(ctx); err != nil {
		return m, err
	}
	m.took, m.cpu = time.Since(start), cpuTime()-cpu
	if ctx.Err() != nil {
		return m, ctx.Err()
	}
	m.results, err = r.verify(ctx, c, j.query)
	return m, err
}

// standing is a clock that stands still, at so many milliseconds since 1970. A query that goes by
// the clock has one result then.
type standing int64

// Now implements processor.Clock.
func (s standing) Now() time.Time { return time.UnixMilli(int64(s)) }

// verify compares what a query has written with its reference.
func (r running) verify(ctx context.Context, c *cluster, query string) (results int, err error) {
	check, err := reference.NewCheck(query, r.generator, r.count, func(int64) int64 { return r.generator.Time(0) })
	if err != nil {
		return 0, err
	}
	err = c.read(ctx, queries.Application(query), func(m *kgo.Record) {
		check.Add(reference.Result{Key: m.Key, Value: m.Value, Timestamp: m.Timestamp.UnixMilli()})
	})
	if err == nil {
		err = check.Err()
	}
	return check.Results(), err
}
