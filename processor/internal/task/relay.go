package task

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/wiretime"
	"github.com/kolkstream/kolk/topology"
)

// relay tells the readers of one repartition topic the task's time, each partition on its own.
//
// An announcement covers what lies before it in the partition. So the first record of a transaction
// carries the time of the last commit, and what Flush appends at the end of a transaction carries
// the time of this one. What a partition was told counts only when the transaction has been
// committed.
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

// ride reports whether a record to partition p is to carry what the task had to tell at its last
// commit: the first of a transaction is, if that is news. It is told then. now is the wall clock.
func (r *relay) ride(transaction uint64, p int32, time int64, f flags, now int64) bool {
	part := &r.parts[p]
	if part.first == transaction {
		return false
	}
	part.first = transaction
	if time == topology.NoTime && f&idle == 0 && !part.now.known {
		return false
	}
	if part.now.known && part.now.time == time && part.now.flags == f {
		return false
	}
	part.now = telling{known: true, time: time, flags: f, at: now, control: part.now.control}
	r.edited = append(r.edited, p)
	return true
}

// due says whether partition p is to be told by a control record, which is done no more often than
// every so many milliseconds. now is the wall clock.
func (r *relay) due(p int32, time int64, f flags, now, every int64) bool {
	n := &r.parts[p].now
	// A clock that was put back lets nobody wait for it to catch up.
	long := func(since int64) bool { return now < since || now-since >= every }
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

// told notes that partition p was told by a control record.
func (r *relay) told(p int32, time int64, f flags, now int64) {
	r.parts[p].now = telling{known: true, time: time, flags: f, at: now, control: now}
	r.edited = append(r.edited, p)
}

// stale reports whether a partition was told something else than there is to tell.
func (t telling) stale(time int64, f flags) bool { return t.known && (t.time != time || t.flags != f) }

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

// announcer has the relays of the task: what the readers of all repartition topics were told.
type announcer struct {
	relays      []*outlet
	every       int64  // milliseconds between two control records to a partition
	transaction uint64 // counts commits and aborts
}

// due calls tell for each partition that is to be told the task's time by a control record, until
// it returns false.
func (a *announcer) due(time int64, f flags, now int64, tell func(o *outlet, p int32, time int64) bool) {
	for _, o := range a.relays {
		time := delayed(time, o.relay.delay)
		for p := range o.relay.parts {
			if o.relay.due(int32(p), time, f, now, a.every) && !tell(o, int32(p), time) {
				return
			}
		}
	}
}

// untold says that a reader has not been told the task's time, because it was told another one not
// long ago.
func (a *announcer) untold(time int64, f flags) bool {
	for _, o := range a.relays {
		time := delayed(time, o.relay.delay)
		if slices.ContainsFunc(o.relay.parts, func(r relayed) bool { return r.now.stale(time, f) }) {
			return true
		}
	}
	return false
}

func (a *announcer) commit() {
	a.transaction++
	for _, o := range a.relays {
		o.relay.commit()
	}
}

func (a *announcer) abort() {
	a.transaction++
	for _, o := range a.relays {
		o.relay.abort()
	}
}

// announcement is one of the task.
func (t *Task) announcement(time int64, f flags) announcement {
	return announcement{sub: t.name, partition: t.id.Partition, run: t.run, time: time, flags: f}
}

// announce appends the control records that are due, to all repartition topics.
func (t *Task) announce() {
	t.said = t.flags()
	t.announcer.due(t.time, t.said, t.now, func(o *outlet, p int32, time int64) bool {
		a := t.announcement(time, t.said|control)
		t.encoded = a.append(t.encoded[:0])
		t.headers = append(t.headers[:0], kgo.RecordHeader{Key: TimeHeader, Value: t.encoded})
		t.opts.Output.Produce(o.topic, p, nil, nil, wiretime.Wire(time), t.headers)
		t.counts.announced++
		o.relay.told(p, time, t.said, t.now)
		return true
	})
}

// announcing says whether announce would append something.
func (t *Task) announcing() (due bool) {
	if len(t.announcer.relays) == 0 || t.was.ended {
		return false
	}
	t.announcer.due(t.settled(), t.flags(), t.now, func(*outlet, int32, int64) bool {
		due = true
		return false
	})
	return due
}

// untold says that a reader has not been told the present time, because it was told another one not
// long ago.
func (t *Task) untold() bool {
	return len(t.announcer.relays) != 0 && !t.was.ended && t.announcer.untold(t.settled(), t.flags())
}
