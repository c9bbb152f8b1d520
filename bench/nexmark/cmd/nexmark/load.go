package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/bench/nexmark"
	"github.com/kolkstream/kolk/bench/nexmark/queries"
)

// loading is the writing of events to a topic.
type loading struct {
	brokers []string
	topic   string
	// of a topic that does not exist; 0 is a default, and takes one that exists as it is
	partitions int32
	rate       int64 // events per second; 0 is as fast as possible
	generator  *nexmark.Generator
	count      int64
}

const defaultPartitions = 4

func loadCommand(ctx context.Context, args []string, progress io.Writer) error {
	var (
		l loading
		e events
	)
	fs := flag.NewFlagSet("nexmark load", flag.ContinueOnError)
	brokers := fs.String("brokers", "localhost:9092", "addresses host:port, with commas between")
	fs.StringVar(&l.topic, "topic", queries.Topic, "topic to write the events to; it must be empty, and is created if it does not exist")
	partitions := fs.Int("partitions", 0, fmt.Sprintf("of the topic (default: those it has, or %d)", defaultPartitions))
	fs.Int64Var(&l.rate, "rate", 0, "events to write in a second; 0 is as fast as possible")
	e.flags(fs, 1_000_000)
	if err := parse(fs, args, progress); err != nil {
		return err
	}
	if l.rate < 0 || *partitions < 0 || *partitions > 10_000 {
		return usageError{fmt.Errorf("-rate is %d, -partitions %d", l.rate, *partitions)}
	}
	var err error
	if l.generator, err = e.generator(); err != nil {
		return err
	}
	l.brokers, l.partitions, l.count = list(*brokers), int32(*partitions), e.count
	return l.run(ctx, progress)
}

// run writes the events, those of a key in order, and says how it goes. The side input comes first.
func (l loading) run(ctx context.Context, progress io.Writer) error {
	c, err := connect(l.brokers, kgo.DefaultProduceTopic(l.topic), kgo.ProducerLinger(5*time.Millisecond), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.emptyTopic(ctx, l.topic, l.partitions); err != nil {
		return err
	}
	if err := c.fillSide(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var written atomic.Int64
	start := time.Now()
	report := watch(ctx, &written, l.count, start, progress)
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			cancel(fmt.Errorf("write to %s: %w", l.topic, err))
			return
		}
		written.Add(1)
	}
	// A part lasts a hundredth of a second, if the rate is limited.
	part := int64(1024)
	if l.rate > 0 {
		part = min(part, max(l.rate/100, 1))
	}
	for first, records := range inOrder(ctx, l.generator, l.count, part) {
		if l.rate > 0 && !until(ctx, start.Add(time.Duration(float64(first)/float64(l.rate)*float64(time.Second)))) {
			break
		}
		for i := range records {
			c.cl.Produce(ctx, &records[i], promise)
		}
	}
	err = c.cl.Flush(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	cancel(nil)
	<-report
	if err != nil {
		return fmt.Errorf("%w; %d of %d events were written", err, written.Load(), l.count)
	}
	took := time.Since(start)
	_, err = fmt.Fprintf(progress, "%s events in %s: %.1f s, %s/s\n", humanize.Comma(l.count), l.topic, took.Seconds(), humanize.Comma(int64(float64(l.count)/took.Seconds())))
	return err
}

// fillSide writes the side input, unless its topic has it.
func (c *cluster) fillSide(ctx context.Context) error {
	ends, ok, err := c.ends(ctx, queries.SideTopic)
	if err == nil && !ok {
		err = c.create(ctx, queries.SideTopic, 1)
	}
	if err != nil || sum(ends) > 0 {
		return err
	}
	rows := make([]*kgo.Record, nexmark.SideInputs)
	for n := range rows {
		rows[n] = &kgo.Record{Topic: queries.SideTopic}
		rows[n].Key, rows[n].Value = nexmark.AppendSideInput(nil, nil, int64(n))
	}
	if err := c.cl.ProduceSync(ctx, rows...).FirstErr(); err != nil {
		return fmt.Errorf("write to %s: %w", queries.SideTopic, err)
	}
	return nil
}

// until waits for a moment, and returns false if ctx ends before.
func until(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// watch prints the progress every two seconds until ctx ends; the channel is closed then.
func watch(ctx context.Context, written *atomic.Int64, total int64, start time.Time, to io.Writer) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				n := written.Load()
				_, err := fmt.Fprintf(to, "%s of %s events, %s/s\n", humanize.Comma(n), humanize.Comma(total), humanize.Comma(int64(float64(n)/time.Since(start).Seconds())))
				if errors.Is(err, io.ErrClosedPipe) {
					return
				}
			}
		}
	}()
	return done
}
