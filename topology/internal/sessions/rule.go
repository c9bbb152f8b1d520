package sessions

import (
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// rule says which records count for sessions, and when these are closed.
type rule interface {
	// see is told of each record that has a key, before its sessions are looked up. It reports
	// whether the record is to close sessions.
	see(ts int64) (closes bool)
	// found reports whether a session that ends at end is found.
	found(end int64) bool
	// late reports whether a record is late, closed whether time has closed its session, though it
	// is not late. end is that of the session that it would be in.
	late(ts, ref, end int64) bool
	closed(end int64) bool
	// now is the time that closes sessions. opened is the one by which they had been closed, and
	// handed on, when the task was opened.
	now() int64
	opened() int64
	// put is told of each session that gets a value, by its end.
	put(end int64)
	// kept returns until when the mark is kept behind a session that closes at a time.
	kept(closes int64) int64
	// forgets says that a session of one moment which gets another record of that moment is handed
	// on as one that has not been there, to those who ask for what was before.
	forgets() bool
}

// byDisorder is the rule by which results are a function of the input. A record is late if it is
// out of order in its source partition by more than the grace. A session is closed when time has
// passed its end, the gap and the grace.
//
// No record that comes when time is w has a ref before w. One that is not late has a timestamp of
// at least w - grace, and so joins no session that is closed: these end before w - grace - gap.
type byDisorder struct {
	task       operator.Task
	gap, grace int64
	at         int64 // time as of the last flush: that has closed sessions
}

func (d *byDisorder) see(int64) bool { return false }

func (d *byDisorder) found(end int64) bool { return d.at <= end+d.gap+d.grace }

func (d *byDisorder) late(ts, ref, _ int64) bool { return ref-ts > d.grace }

func (d *byDisorder) closed(end int64) bool { return !d.found(end) }

func (d *byDisorder) put(int64) {}

func (d *byDisorder) opened() int64 { return d.now() }

func (d *byDisorder) kept(closes int64) int64 { return closes }

func (d *byDisorder) forgets() bool { return false }

func (d *byDisorder) now() int64 {
	d.at = d.task.Time()
	return d.at
}

// byClock is Kafka Streams' rule, by the largest timestamp that the operator has seen. A record is
// late if the session that it would be in ended before that time less gap and grace. It finds the
// sessions that the store keeps for gap and grace, a millisecond less; with final results all that
// have not been closed.
type byClock struct {
	final      bool
	ends       *operator.Clock // the largest end that was put, if several streams share the store
	task       operator.Task
	clock      *operator.Clock
	before     int64 // the clock before the present record
	gap, grace int64
}

func (c *byClock) see(ts int64) bool {
	if c.before = c.clock.Time(); c.ends != nil {
		c.before = c.ends.Time()
	}
	return c.clock.See(ts)
}

func (c *byClock) found(end int64) bool {
	least := c.before - c.gap - c.grace
	return c.before == record.NoTime || end > least || c.final && end == least
}

func (c *byClock) put(end int64) {
	if c.ends != nil {
		c.ends.See(end)
	}
}

func (c *byClock) late(_, _, end int64) bool { return end < c.clock.Time()-c.grace-c.gap }

func (c *byClock) closed(int64) bool { return false }

// now is the end of time at the end of a bounded run, which closes all sessions.
func (c *byClock) now() int64 {
	if now := c.task.Time(); now == record.EndOfTime {
		return now
	}
	if c.ends != nil {
		return c.ends.Time()
	}
	return c.clock.Time()
}

// opened: what has been closed is what lies before the mark, which is kept.
func (c *byClock) opened() int64 { return record.NoTime }

func (c *byClock) kept(int64) int64 { return record.EndOfTime }

// forgets: Kafka Streams never says what a session was before, and takes this one not back.
func (c *byClock) forgets() bool { return true }
