package sessions

import (
	"math"

	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// slidingRule says which records count for sliding windows, and when these are closed.
type slidingRule interface {
	// see is told of each record that has a key and a value, put of each window that gets a value,
	// by its start.
	see(ts int64)
	put(start int64)
	// late reports whether a record is late, shut whether time has closed what it would be in,
	// though it is not late.
	late(ts, ref int64) bool
	shut(ts int64) bool
	// takes reports whether a window that ends at end takes a record that is not late, found
	// whether one that begins at start is found.
	takes(end int64) bool
	found(start int64) bool
	// closes reports whether a record that was taken is to close windows.
	closes(ts int64) bool
	// now is the time that closes windows. opened is the one by which they had been closed, and
	// handed on, when the task was opened. gone returns the largest end of windows that are not
	// needed at now.
	now() int64
	opened() int64
	gone(now int64) int64
	// kept returns until when a mark is kept behind a window that closes at a time.
	kept(closes int64) int64
	// shuts says that what is closed stays so, and that each window keeps a value.
	shuts() bool
	// twice says that a window that two rules make is made, and forwarded, twice.
	twice() bool
}

// slidingByDisorder is the rule by which results are a function of the input: that of sessions,
// without a gap. A record counts for all of its windows or for none: windows are made of others,
// and what counted for some would be in those that are made by then.
type slidingByDisorder struct {
	byDisorder
	keeps int64 // for how long windows stay behind their end
}

func (d *slidingByDisorder) see(int64) {}
func (d *slidingByDisorder) put(int64) {}

func (d *slidingByDisorder) late(ts, ref int64) bool { return d.byDisorder.late(ts, ref, ts) }

// shut: the window that ends at the record is the first of its windows to close.
func (d *slidingByDisorder) shut(ts int64) bool { return d.closed(ts) }

func (d *slidingByDisorder) takes(int64) bool  { return true }
func (d *slidingByDisorder) found(int64) bool  { return true }
func (d *slidingByDisorder) closes(int64) bool { return false }
func (d *slidingByDisorder) shuts() bool       { return true }
func (d *slidingByDisorder) twice() bool       { return false }

// gone: a record that is in time comes at now less grace at the earliest, and needs windows that
// end within a length before it.
func (d *slidingByDisorder) gone(now int64) int64 {
	switch {
	case now == record.EndOfTime:
		return math.MaxInt64
	case now <= d.grace+d.keeps:
		return -1
	}
	return now - d.grace - d.keeps - 1
}

// slidingByClock is Kafka Streams' rule, by the largest timestamp that the operator has seen. Each
// window is closed on its own. The store finds those that began less than two lengths and the grace
// before the latest start that it was given.
type slidingByClock struct {
	task          operator.Task
	clock, starts *operator.Clock
	Slides
	closed int64 // the time that has closed windows last
}

func (c *slidingByClock) see(ts int64)    { c.clock.See(ts) }
func (c *slidingByClock) put(start int64) { c.starts.See(start) }

func (c *slidingByClock) late(ts, _ int64) bool { return !c.takes(ts + c.Difference) }
func (c *slidingByClock) shut(int64) bool       { return false }
func (c *slidingByClock) takes(end int64) bool  { return end >= c.clock.Time()-c.Grace }

func (c *slidingByClock) found(start int64) bool {
	last := c.starts.Time()
	return last == record.NoTime || start > last-2*c.Difference-c.Grace
}

// closes: records whose windows would begin before 1970 close nothing.
func (c *slidingByClock) closes(ts int64) bool {
	if ts < c.Difference || c.clock.Time() <= c.closed {
		return false
	}
	c.closed = c.clock.Time()
	return true
}

// now is the end of time at the end of a bounded run, which closes all windows.
func (c *slidingByClock) now() int64 {
	if now := c.task.Time(); now == record.EndOfTime {
		return now
	}
	return c.closed
}

// opened: what has been handed on is what lies before the mark, which is kept.
func (c *slidingByClock) opened() int64 { return record.NoTime }

func (c *slidingByClock) gone(now int64) int64 {
	last := c.starts.Time()
	switch {
	case now == record.EndOfTime:
		return math.MaxInt64
	case last == record.NoTime:
		return -1
	}
	return last - c.Difference - c.Grace
}

func (c *slidingByClock) kept(int64) int64 { return record.EndOfTime }
func (c *slidingByClock) shuts() bool      { return false }
func (c *slidingByClock) twice() bool      { return true }
