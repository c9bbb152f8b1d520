package task

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/wiretime"
	"github.com/kolkstream/kolk/topology"
)

// relay tells the readers of one repartition topic the task's time, each partition on its own.
//
// An announcement covers what lies before it in the partition. So the first record of a transaction carries the time of the
// last commit, and what Flush appends at the end of a transaction carries the time of this one. What a partition was told
// counts only when the transaction has been committed.
type relay struct {
	delay  int64 // how far announced time stays behind task time
	parts  []relayed
	edited []int32 // partitions that were told something in this transaction
}

// relayed is what one partition was told.
type relayed struct {
	was, now telling
	first    uint64 // the transaction that has sent a record
}

type telling struct {
	known   bool
	time    int64
	flags   flags
	at      int64 // wall clock
	control int64 // wall clock of the last control record
}

// ride returns the announcement to put on a record to partition p: on the first of a transaction, if the last commit has
// something new to tell.
func (r *relay) ride(t *Task, p int32) (a announcement, ok bool) {
	part := &r.parts[p]
	if part.first == t.transaction {
		return a, false
	}
	part.first = t.transaction
	time := delayed(t.was.time, r.delay)
	if time == topology.NoTime && t.was.said&idle == 0 && !part.now.known {
		return a, false
	}
	if part.now.known && part.now.time == time && part.now.flags == t.was.said {
		return a, false
	}
	part.now = telling{known: true, time: time, flags: t.was.said, at: t.now, control: part.now.control}
	r.edited = append(r.edited, p)
	return announcement{sub: t.sub, partition: t.id.Partition, run: t.run, time: time, flags: t.was.said}, true
}

// due says whether partition p is to be told by a control record.
func (r *relay) due(t *Task, p int32, time int64, f flags) bool {
	n := &r.parts[p].now
	// A clock that was put back lets nobody wait for it to catch up.
	long := func(since int64) bool { return t.now < since || t.now-since >= t.tellEvery }
	switch {
	case !n.known:
		return time != topology.NoTime || f != 0
	case (f^n.flags)&(idle|end) != 0:
		return true
	case f&^n.flags&caughtUp != 0 && long(n.control):
		return true
	}
	return (time != n.time || f != n.flags) && long(n.at)
}

// tell appends the control records that are due.
func (r *relay) tell(t *Task, o *outlet, time int64, f flags) {
	for p := range r.parts {
		p := int32(p)
		if !r.due(t, p, time, f) {
			continue
		}
		a := announcement{sub: t.sub, partition: t.id.Partition, run: t.run, time: time, flags: f | control}
		t.encoded = a.append(t.encoded[:0])
		t.headers = append(t.headers[:0], kgo.RecordHeader{Key: TimeHeader, Value: t.encoded})
		t.output.Produce(o.topic, p, nil, nil, wiretime.Wire(time), t.headers)
		t.counts.announced++
		r.parts[p].now = telling{known: true, time: time, flags: f, at: t.now, control: t.now}
		r.edited = append(r.edited, p)
	}
}

func (r *relay) commit() {
	for _, p := range r.edited {
		r.parts[p].was = r.parts[p].now
	}
	r.edited = r.edited[:0]
}

func (r *relay) abort() {
	for _, p := range r.edited {
		r.parts[p].now = r.parts[p].was
	}
	r.edited = r.edited[:0]
}

// delayed is time - delay. No time stays none.
func delayed(time, delay int64) int64 {
	if time == topology.NoTime {
		return time
	}
	return time - delay
}

// flags returns what the task says of itself now.
func (t *Task) flags() flags {
	var f flags
	if t.bounded() {
		if t.ended {
			f |= end
		}
		return f
	}
	if t.postponed {
		return f
	}
	if t.idle() {
		f |= idle
	}
	if t.caughtUp() {
		f |= caughtUp
	}
	return f
}

// settled is the time that the next commit makes the stored one, as far as is known.
func (t *Task) settled() int64 {
	if t.postponed || t.end.ending != running {
		return t.time
	}
	return t.at
}

// announce appends the control records that are due, to all repartition topics.
func (t *Task) announce() {
	t.said = t.flags()
	for _, o := range t.relays {
		o.relay.tell(t, o, delayed(t.time, o.relay.delay), t.said)
	}
}

// announcing says whether announce would append something.
func (t *Task) announcing() bool {
	if len(t.relays) == 0 || t.was.ended {
		return false
	}
	f := t.flags()
	for _, o := range t.relays {
		time := delayed(t.settled(), o.relay.delay)
		for p := range o.relay.parts {
			if o.relay.due(t, int32(p), time, f) {
				return true
			}
		}
	}
	return false
}

// untold says that a reader has not been told the present time, because it was told another one not long ago.
func (t *Task) untold() bool {
	if len(t.relays) == 0 || t.was.ended {
		return false
	}
	f := t.flags()
	for _, o := range t.relays {
		time := delayed(t.settled(), o.relay.delay)
		for i := range o.relay.parts {
			if n := &o.relay.parts[i].now; n.known && (n.time != time || n.flags != f) {
				return true
			}
		}
	}
	return false
}
