package versions

import (
	"math"

	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// Rule says by which time versions are too old.
type Rule interface {
	// takes reports whether an update of that time and ref is not too old for the table.
	takes(ts, ref int64) bool
	// reaches returns from what time on a record of that ref finds versions that have ended. Before
	// it finds the latest version alone.
	reaches(ref int64) int64
	// gone returns the time by which versions have ended that nobody can find any more.
	gone() int64
}

// ByTask is the rule by which results are a function of the input: what is too old is so for its
// own source partition, which had shown a time later by more than the history before.
//
// Versions are deleted by the time of which nothing is left to do. What is looked up later has a
// ref that is not before it, or was held back by no more than Behind.
type ByTask struct {
	Task operator.Task
	// Keeps is how long the history is; Late is by how much an update may be out of order, Behind
	// by how much what reaches the table, or is looked up in it, comes later than its time. All in
	// milliseconds.
	Keeps, Late, Behind int64
}

func (b *ByTask) takes(ts, ref int64) bool { return ref-ts <= b.Late }

func (b *ByTask) reaches(ref int64) int64 { return ref - b.Keeps }

func (b *ByTask) gone() int64 {
	now := b.Task.Settled()
	if now == record.NoTime {
		return math.MinInt64
	}
	return now - min(now, b.Keeps) - min(now, b.Behind)
}

// ByClock is Kafka Streams' rule: what is too old is so for the table, which has seen an update
// that is later by more than the history.
type ByClock struct {
	Clock *operator.Clock
	Keeps int64
}

func (b *ByClock) takes(ts, _ int64) bool {
	if ts < b.gone() {
		return false
	}
	b.Clock.See(ts)
	return true
}

func (b *ByClock) reaches(int64) int64 { return b.gone() }

func (b *ByClock) gone() int64 {
	now := b.Clock.Time()
	if now == record.NoTime {
		return math.MinInt64
	}
	return now - b.Keeps
}
