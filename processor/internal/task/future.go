package task

import (
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/wiretime"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/topology"
)

// A record far ahead of all others makes those behind it in its partition late. It is said at
// least, once a minute for each input, and an error where the source has a bound.
const (
	farAhead   = int64(time.Hour / time.Millisecond)
	warnFuture = int64(time.Minute / time.Millisecond)
)

// plausible reports whether the head's time is not too far ahead. It is false, with the error
// policy's decision, where the source has a bound that it passes.
func (t *Task) plausible(in *input) (bool, error) {
	switch {
	case in.repartition || in.timeless || in.at <= t.now && in.maxFuture == 0:
		return true, nil
	case in.maxFuture == 0:
		if in.at-t.now > farAhead && (in.warned == 0 || t.now-in.warned >= warnFuture || t.now < in.warned) {
			in.warned = t.now
			t.opts.Logger.Warn("record far ahead of the clock: those that follow it in its partition will be late. A max-future of the source makes it an error",
				"task", t.id.String(), "topic", in.topic, "partition", t.id.Partition, "offset", in.msg.Origin.Offset, "time", time.UnixMilli(in.at).UTC())
		}
		return true, nil
	}
	latest := t.now
	if t.bounded() {
		latest = in.latest
	}
	if in.at <= latest || in.at-in.maxFuture <= latest {
		return true, nil
	}
	return false, t.Fail(in.name, in.msg.Origin, &report.FutureError{
		Time: time.UnixMilli(in.at), Latest: time.UnixMilli(latest), MaxFuture: time.Duration(in.maxFuture) * time.Millisecond,
	})
}

// measure finds what the inputs' bounds are measured from in a bounded run: the same in every
// instance and after every restart. Last messages that have no time, because a function fails on
// them, do not count; they fail where they are processed.
func (t *Task) measure(b *Bounded) {
	began := b.Began.UnixMilli()
	if b.Began.IsZero() {
		began = t.now
	}
	for _, in := range t.inputs {
		if in.maxFuture == 0 {
			continue
		}
		in.latest = topology.NoTime
		for _, r := range b.Last[in.topic] {
			if r.Partition == t.id.Partition {
				continue
			}
			// what cannot be read is an error of the record when it is processed
			at, _ := wiretime.Of(r)
			m := flow.Message{Key: r.Key, Value: r.Value, Timestamp: at, Ref: topology.NoTime, Origin: topology.Origin{Topic: in.topic, Partition: r.Partition, Offset: r.Offset}}
			for _, h := range r.Headers {
				m.Headers = append(m.Headers, topology.Header{Key: h.Key, Value: h.Value})
			}
			if at, ok := timeOf(in.source, &m); ok {
				in.latest = max(in.latest, at)
			}
		}
		if in.latest == topology.NoTime || in.latest > began {
			in.latest = began
		}
	}
	t.counts.reset() // of messages that are others'
}

// timeOf asks a source for the time of a message; ok is false if it has none, or a function fails
// on it.
func timeOf(s flow.Source, m *flow.Message) (at int64, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	at, ok, err := s.Time(m)
	return at, ok && err == nil
}
