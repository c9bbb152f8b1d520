package stores

import (
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// Rule says by which time rows are too old: they are neither found nor stored.
type Rule interface {
	// past returns the time by which rows are too old for what has that ref.
	past(ref int64) int64
	// gone returns the time by which rows are too old for whatever comes.
	gone() int64
	// see is told of the time of a row that is to be stored.
	see(ts int64)
	// marks says that what is gone has to be noted, for the task's time does not say it.
	marks() bool
}

// ByTask is the rule by which what is found is a function of the input: a row is too old for a
// record whose source partition had shown a time later by the retention.
//
// Rows are deleted by the time of which nothing is left to do. What comes later has a ref that is
// not before it, or was held back by no more than Behind.
type ByTask struct {
	Task operator.Task
	// Retention is how long a row is found, Behind by how much what reaches the store may come
	// later than its time, in milliseconds.
	Retention, Behind int64
}

func (b *ByTask) past(ref int64) int64 { return max(before(ref, b.Retention), b.gone()) }

func (b *ByTask) gone() int64 {
	return before(before(b.Task.Settled(), b.Retention), b.Behind)
}

func (*ByTask) see(int64)   {}
func (*ByTask) marks() bool { return false }

// ByClock is Kafka Streams' rule: a row is too old for the store, which has seen one that is later
// by the retention.
type ByClock struct {
	Clock     *operator.Clock
	Retention int64
}

func (c *ByClock) past(int64) int64 { return c.gone() }
func (c *ByClock) gone() int64      { return before(c.Clock.Time(), c.Retention) }
func (c *ByClock) see(ts int64)     { c.Clock.See(ts) }
func (*ByClock) marks() bool        { return true }

// none is a time that all rows are later than.
const none = -1

// before returns the time that lies before t by that much; none if there is none.
func before(t, by int64) int64 {
	if t == record.NoTime || t < by {
		return none
	}
	return t - by
}
