package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// result is what one run of one program has shown.
type result struct {
	workload, program string
	err               error // not nil: it failed, or its output was wrong; nothing else counts then

	records int64         // of the input
	output  int64         // records
	wall    time.Duration // from the start of the process to the last commit
	first   time.Duration // from there to the first commit
	// over the second half of the input, or over what comes behind the filling
	halfWall   time.Duration
	halfCPU    time.Duration
	half       int64 // records that it has
	cpu        time.Duration
	brokerCPU  time.Duration
	rss        int64 // bytes, the most
	knowBroker bool
}

// perCPU is records per CPU-second over the second half of the input.
func (r result) perCPU() float64 { return perSecond(r.half, r.halfCPU) }

// cost is the CPU time of a record there, in microseconds.
func (r result) cost() float64 {
	if r.half == 0 {
		return 0
	}
	return r.halfCPU.Seconds() * 1e6 / float64(r.half)
}

func perSecond(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// bench is what all runs share.
type bench struct {
	cluster  *cluster
	broker   *broker
	dirs     dirs
	data     data
	settings settings
	limit    time.Duration
	profiles string // directory, "" for none
	trace    bool
	checks   map[string]func() check
	count    int
}

// inputs loads and names what a workload reads.
func (b *bench) inputs(ctx context.Context, workload string) ([]string, error) {
	kinds := []string{events}
	switch workload {
	case "window-final":
		kinds = []string{closed}
	case "join-table":
		kinds = []string{events, right}
	case "join-stream":
		kinds = []string{events, others}
	}
	var in []string
	for _, k := range kinds {
		topic := b.data.topic(k)
		if err := b.cluster.load(ctx, topic, k, b.data); err != nil {
			return nil, err
		}
		in = append(in, topic)
	}
	return in, nil
}

func (b *bench) check(workload string) (check, error) {
	if b.checks[workload] == nil {
		c, err := expect(workload, b.data)
		if err != nil {
			return nil, err
		}
		b.checks[workload] = c
	}
	return b.checks[workload](), nil
}

// run runs a program once, from nothing to the end of its input, and checks its output. profile
// makes a run whose numbers do not count, for the programs that can.
func (b *bench) run(ctx context.Context, p program, workload string, profile bool) (r result) {
	r = result{workload: workload, program: p.name, knowBroker: b.broker.process.pid != 0}
	in, err := b.inputs(ctx, workload)
	if err != nil {
		r.err = err
		return r
	}
	c, err := b.check(workload)
	if err != nil {
		r.err = err
		return r
	}
	b.count++
	app := fmt.Sprintf("kolk-bench-%s-%s-%d-%d", p.name, workload, os.Getpid(), b.count)
	out := "kolk-bench-out" + strings.TrimPrefix(app, "kolk-bench")
	if r.err = b.cluster.create(ctx, out, b.data.partitions); r.err != nil {
		return r
	}
	state := filepath.Join(b.dirs.work, "state", app)
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		b.cluster.forget(clean, app, out)
		_ = os.RemoveAll(state) // the work directory goes as a whole
	}()
	if r.err = os.MkdirAll(state, 0o755); r.err != nil {
		return r
	}
	command := append(p.command[:len(p.command):len(p.command)], b.settings.args(workload, b.broker.addr, app, state, in, out)...)
	if profile {
		command = append(command, "--cpuprofile", filepath.Join(b.profiles, workload+".cpu.prof"), "--memprofile", filepath.Join(b.profiles, workload+".alloc.prof"))
	}
	before := b.broker.process.cpu()
	x, err := start(command, "", b.dirs.log(app), nil)
	if err != nil {
		r.err = err
		return r
	}
	limited, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	samples, err := b.cluster.follow(limited, x, app, in, workload == "rekey-count", &b.broker.process)
	if err != nil {
		r.err = fmt.Errorf("%w\n%s", err, x.tail())
		x.kill()
		return r
	}
	r.rss = peakRSS(x.pid)
	r.measure(samples, x.started, before, int64(b.data.filling()))
	if b.trace {
		for _, s := range samples {
			fmt.Fprintf(os.Stderr, "%6.2f s: %d committed, %v of CPU, broker %v\n", s.at.Sub(x.started).Seconds(), s.committed, s.cpu, s.broker-before)
		}
	}
	if err := x.stop(); err != nil {
		r.err = fmt.Errorf("%w\n%s", err, x.tail())
		return r
	}
	r.err = b.cluster.scan(ctx, out, func(rec *kgo.Record) {
		r.output++
		c.see(rec)
	})
	if r.err == nil {
		if r.err = c.result(); r.err != nil {
			r.err = fmt.Errorf("the output is wrong: %w", r.err)
		}
	}
	return r
}

// measure takes the figures from what was seen. The second half begins behind so many records if
// filling is not 0.
func (r *result) measure(samples []sample, started time.Time, brokerBefore time.Duration, filling int64) {
	last := samples[len(samples)-1]
	r.records = last.committed
	r.wall, r.cpu, r.brokerCPU = last.at.Sub(started), last.cpu, last.broker-brokerBefore
	half := r.records / 2
	if filling > 0 {
		half = filling
	}
	for _, s := range samples {
		if s.committed > 0 && r.first == 0 {
			r.first = s.at.Sub(started)
		}
		if s.committed >= half {
			r.half, r.halfWall, r.halfCPU = last.committed-s.committed, last.at.Sub(s.at), last.cpu-s.cpu
			break
		}
	}
}
