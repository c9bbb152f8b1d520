package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// restarted is what one run of [bench.restarts] has shown: from the start of a process that finds
// state until it answers.
type restarted struct {
	program string
	err     error
	build   time.Duration // from nothing, to the last commit of all keys
	clean   time.Duration // after SIGTERM
	killed  time.Duration // after SIGKILL, in the middle of a trickle
	wiped   time.Duration // after SIGTERM, with an empty state directory
	first   time.Duration // the same, until the first partition answers
	rss     int64         // of that process
}

// trickle is how long records come, at one in a millisecond, before the process is killed.
const trickle = 2 * time.Second

// restarts builds a table of as many keys as there are events, each once, and ends and starts the
// program again. It is up when the answers to probes, sent to every partition at the moment of the
// start, are visible to a read-committed reader.
func (b *bench) restarts(ctx context.Context, p program) (r restarted) {
	r.program = p.name
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	b.count++
	app := fmt.Sprintf("kolk-bench-%s-restarts-%d-%d", p.name, os.Getpid(), b.count)
	in, out := app+"-in", app+"-out" // forgotten with the application's own
	state := filepath.Join(b.dirs.work, "state", app)
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		b.cluster.forget(clean, app)
		_ = os.RemoveAll(state) // the work directory goes as a whole
	}()
	if r.err = b.cluster.load(ctx, in, unique, b.data); r.err != nil {
		return r
	}
	if r.err = b.cluster.create(ctx, out, b.data.partitions); r.err != nil {
		return r
	}
	command := append(p.command[:len(p.command):len(p.command)], b.settings.args("table", b.broker.addr, app, state, []string{in}, out)...)
	var x *child
	run := func() (err error) {
		if err = os.MkdirAll(state, 0o755); err == nil {
			x, err = start(command, "", b.dirs.log(app), nil)
		}
		return err
	}
	defer func() {
		if r.err != nil && x != nil {
			r.err = fmt.Errorf("%w\n%s", r.err, x.tail())
			x.kill()
		}
	}()
	if r.err = run(); r.err != nil {
		return r
	}
	if _, r.err = b.cluster.follow(ctx, x, app, []string{in}, false, &b.broker.process); r.err != nil {
		return r
	}
	r.build = time.Since(x.started)
	if r.err = x.stop(); r.err != nil {
		return r
	}
	if _, r.clean, r.err = b.probe(ctx, in, out, "1", run); r.err != nil {
		return r
	}
	if r.err = b.trickle(ctx, in); r.err != nil {
		return r
	}
	x.kill()
	if _, r.killed, r.err = b.probe(ctx, in, out, "2", run); r.err != nil {
		return r
	}
	if r.err = x.stop(); r.err != nil {
		return r
	}
	if r.err = os.RemoveAll(state); r.err != nil {
		return r
	}
	if r.first, r.wiped, r.err = b.probe(ctx, in, out, "3", run); r.err != nil {
		return r
	}
	r.rss = peakRSS(x.pid)
	r.err = x.stop()
	return r
}

// trickle sends a record every millisecond, so that a kill finds a transaction open.
func (b *bench) trickle(ctx context.Context, in string) error {
	cl, err := b.cluster.client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		return err
	}
	defer cl.Close()
	end := time.After(trickle)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-end:
			return nil // what is on its way does not matter
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		key := userKey(i % b.data.n)
		cl.Produce(ctx, &kgo.Record{Topic: in, Partition: partitionOf(key, b.data.partitions), Key: key, Value: []byte("f0|trickle")}, nil)
	}
}

// probe starts a program and sends a probe to every partition. It returns when the first and the
// last answer were there.
func (b *bench) probe(ctx context.Context, in, out, round string, run func() error) (first, all time.Duration, err error) {
	ends, err := b.cluster.adm.ListEndOffsets(ctx, out)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return 0, 0, err
	}
	from := map[int32]kgo.Offset{}
	for p, end := range ends[out] {
		from[p] = kgo.NewOffset().At(end.Offset)
	}
	cl, err := b.cluster.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{out: from}), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxWait(100*time.Millisecond), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		return 0, 0, err
	}
	defer cl.Close()
	started := time.Now()
	if err := run(); err != nil {
		return 0, 0, err
	}
	var sent sync.WaitGroup
	for p := range b.data.partitions {
		sent.Add(1)
		cl.Produce(ctx, &kgo.Record{Topic: in, Partition: p, Key: fmt.Appendf(nil, "probe-%d", p), Value: []byte(round)}, func(_ *kgo.Record, failed error) {
			err = errors.Join(err, failed) // by one goroutine, read after all
			sent.Done()
		})
	}
	sent.Wait()
	if err != nil {
		return 0, 0, err
	}
	answered := map[string]bool{}
	for len(answered) < int(b.data.partitions) {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return 0, 0, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !strings.HasPrefix(string(r.Key), "probe-") {
				return
			}
			if string(r.Value) != round {
				err = fmt.Errorf("the answer to %s of round %s is %q", r.Key, round, r.Value)
			}
			answered[string(r.Key)] = true
			all = time.Since(started)
			if first == 0 {
				first = all
			}
		})
		if err != nil {
			return 0, 0, err
		}
	}
	return first, all, nil
}

// allRestarts runs the programs in turn and prints what it shows.
func (b *bench) allRestarts(ctx context.Context, w io.Writer, ps []program, runs int) error {
	by := map[string][]restarted{}
	failed := 0
	for range runs {
		for _, p := range ps {
			if !p.has("table") {
				continue
			}
			r := b.restarts(ctx, p)
			if r.err != nil {
				failed++
				fmt.Fprintf(os.Stderr, "restarts %s: FAILED: %v\n", p.name, r.err)
				continue
			}
			fmt.Fprintf(os.Stderr, "restarts %s: clean %.2f s, killed %.2f s, wiped %.2f s\n", p.name, r.clean.Seconds(), r.killed.Seconds(), r.wiped.Seconds())
			by[p.name] = append(by[p.name], r)
		}
	}
	fmt.Fprintf(w, "\nA table of %d keys, %d B values, %d partitions, exactly-once, commits every %v, %d workers, on %s.\n",
		b.data.n, b.data.valueBytes, b.data.partitions, b.settings.commit, b.settings.threads, b.broker.name)
	fmt.Fprintf(w, "Medians, in seconds from the start of the process until every partition has answered a probe.\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "program\truns\tbuild\tclean restart\tafter SIGKILL\twiped\twiped, first partition\tpeak RSS MiB\t")
	for _, p := range ps {
		rs := by[p.name]
		if len(rs) == 0 {
			continue
		}
		column := func(of func(restarted) float64) float64 {
			var values []float64
			for _, r := range rs {
				values = append(values, of(r))
			}
			return middle(values)
		}
		seconds := func(of func(restarted) time.Duration) float64 {
			return column(func(r restarted) float64 { return of(r).Seconds() })
		}
		fmt.Fprintf(t, "%s\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.0f\t\n", p.name, len(rs),
			seconds(func(r restarted) time.Duration { return r.build }), seconds(func(r restarted) time.Duration { return r.clean }),
			seconds(func(r restarted) time.Duration { return r.killed }), seconds(func(r restarted) time.Duration { return r.wiped }),
			seconds(func(r restarted) time.Duration { return r.first }), column(func(r restarted) float64 { return float64(r.rss) / (1 << 20) }))
	}
	t.Flush()
	if failed > 0 {
		return fmt.Errorf("%d runs failed", failed)
	}
	return nil
}
