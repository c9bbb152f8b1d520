package task

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/topology"
)

func future(b *bench) (n int64) {
	for _, d := range b.opts.Stats.Snapshot().Dropped {
		if d.Node == "a" && d.Reason == topology.FutureTime {
			n = d.Count
		}
	}
	return n
}

func TestFutureRecordsAreErrorsOfTheirOwn(t *testing.T) {
	b := newBench(t, "a")
	b.opts.Sub.Inputs[0].MaxFuture = time.Second
	b.opts.OnError, b.opts.Stats = report.Skip, new(Stats)
	b.open()
	now := b.clock.now.UnixMilli()
	b.add("a", 0, rec(0, now-10), rec(1, now+1001), rec(2, now+1000), rec(3, now))
	want(t, "one is too far ahead, and moves no clock", b.process(), "a@0 999999990 999999990", "a@2 1000001000 1000001000", "a@3 1000000000 1000001000")
	b.commit()
	same(t, "dropped", future(b), 1)
	same(t, "time", b.task.Time(), now+1000)

	b = newBench(t, "a")
	b.opts.Sub.Inputs[0].MaxFuture = time.Second
	b.open()
	b.add("a", 0, rec(0, now), rec(1, now+1001))
	_, err := b.task.Process(10)
	var fe *report.FutureError
	var re *report.RecordError
	if !errors.As(err, &fe) || !errors.As(err, &re) || re.Offset != 1 || fe.MaxFuture != time.Second || fe.Latest.UnixMilli() != now {
		t.Errorf("got %v", err)
	}
}

// In a bounded run the clock says only what cannot be: what counts is how the topic's other
// partitions end.
func TestFutureInABoundedRunIsMeasuredFromOtherPartitions(t *testing.T) {
	last := func(partition int32, at int64) *kgo.Record {
		r := rec(7, at)
		r.Partition = partition
		return r
	}
	undecodable := last(4, 400_000)
	undecodable.Key = []byte("undecodable")
	for _, c := range []struct {
		name string
		last []*kgo.Record
		want []string
	}{
		{"others", []*kgo.Record{last(0, 300_000), last(1, 100_000), last(2, 200_000), undecodable}, []string{"a@0 1 1", "a@2 200999 200999"}},
		{"no others", []*kgo.Record{last(0, 300_000)}, []string{"a@0 1 1", "a@1 201001 201001", "a@2 200999 201001"}},
		{"others that lie in the future", []*kgo.Record{last(1, 1<<50)}, []string{"a@0 1 1", "a@1 201001 201001", "a@2 200999 201001"}},
	} {
		b := newBench(t, "a")
		b.opts.Sub.Inputs[0].MaxFuture = time.Second
		b.opts.OnError, b.opts.Stats = report.Skip, new(Stats)
		b.opts.Bounded = &Bounded{Run: 1, Ends: map[string]int64{"a": 4}, Began: time.UnixMilli(500_000), Last: map[string][]*kgo.Record{"a": c.last}}
		b.open()
		b.add("a", 0, rec(0, 1), rec(1, 201_001), rec(2, 200_999), rec(3, 501_001))
		want(t, c.name, b.process(), c.want...)
		b.commit()
		same(t, c.name+": dropped", future(b), int64(4-len(c.want)))
	}
}

func TestFutureIsSaidWithoutABound(t *testing.T) {
	var log bytes.Buffer
	b := newBench(t, "a")
	b.opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
	b.open()
	now := b.clock.now.UnixMilli()
	b.add("a", 0, rec(0, now+3600_000), rec(1, now+3600_001), rec(2, now+9000_000))
	b.process()
	if n := strings.Count(log.String(), "far ahead"); n != 1 || !strings.Contains(log.String(), "offset=1 time=1970-01-12T14:46:40.001Z") {
		t.Errorf("%d warnings in %s", n, &log)
	}
	b.clock.advance(time.Minute)
	b.add("a", 0, rec(3, now+9000_000))
	b.process()
	same(t, "warnings a minute later", strings.Count(log.String(), "far ahead"), 2)
}
