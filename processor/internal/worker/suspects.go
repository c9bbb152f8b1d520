package worker

import (
	"math"
	"slices"

	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/topology"
)

// suspects are what is known of records that make transactions fail: those that are left out from
// now on, and how small transactions are to be until the one is found that has not been found yet.
// They outlive a session.
type suspects struct {
	skips []topology.Origin
	most  int64 // records of a transaction; 0: any number
}

// anyNumber is beyond how many records a transaction that was narrowed is as large as any other.
const anyNumber = 1 << 16

// skip leaves a record out. What was before it in its transaction, so many records, is committed
// first: it is not to be done again for the next one that fails.
func (s *suspects) skip(o topology.Origin, before int64) {
	s.skips = append(s.skips, o)
	s.most = max(1, before)
}

// narrow has the next transaction end after half of n records, one of which is the one.
func (s *suspects) narrow(n int) { s.most = int64(max(1, n/2)) }

// widen lets transactions grow again, after one that was committed.
func (s *suspects) widen() {
	if s.most *= 2; s.most > anyNumber {
		s.most = 0
	}
}

// room returns how many records more a transaction of n may have.
func (s *suspects) room(n int64) int64 {
	if s.most == 0 {
		return math.MaxInt64
	}
	return max(0, s.most-n)
}

// passed forgets the records to leave out that lie before positions that were committed.
func (s *suspects) passed(positions func() []task.Position) {
	if len(s.skips) == 0 {
		return
	}
	for _, p := range positions() {
		s.skips = slices.DeleteFunc(s.skips, func(o topology.Origin) bool {
			return o.Topic == p.Topic && o.Partition == p.Partition && o.Offset < p.Offset
		})
	}
}
