package worker

import (
	"math"
	"testing"

	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/topology"
)

// TestNarrow: transactions become smaller until one has a single record, whichever of them it is;
// then they grow again, to any size.
func TestNarrow(t *testing.T) {
	for n := 1; n <= 300; n++ {
		for bad := range n {
			var s suspects
			tries := 0
			for at := 0; ; tries++ {
				if tries > 200 {
					t.Fatalf("%d records: the one at %d is not found", n, bad)
				}
				size := int(min(s.room(0), int64(n-at)))
				if bad >= at+size { // without it the transaction commits
					at += size
					s.widen()
					continue
				}
				if size == 1 {
					break
				}
				s.narrow(size)
			}
		}
	}
	s := suspects{most: 1}
	for range 17 {
		s.widen()
	}
	if s.room(1<<40) != math.MaxInt64 {
		t.Errorf("%+v: transactions stay small", s)
	}
}

// TestSkips: records to leave out are forgotten when they were passed, and what lay before one is
// committed before it comes again.
func TestSkips(t *testing.T) {
	var s suspects
	o := func(p int32, offset int64) topology.Origin {
		return topology.Origin{Topic: "in", Partition: p, Offset: offset}
	}
	s.skip(o(0, 7), 4)
	if s.room(3) != 1 || s.room(4) != 0 || s.room(5) != 0 {
		t.Errorf("room %d, %d, %d", s.room(3), s.room(4), s.room(5))
	}
	s.skip(o(1, 7), 0)
	if s.room(0) != 1 {
		t.Errorf("room for %d: a transaction has a record at least", s.room(0))
	}
	s.passed(func() []task.Position {
		return []task.Position{{Topic: "in", Partition: 0, Offset: 8}, {Topic: "in", Partition: 1, Offset: 7}}
	})
	if len(s.skips) != 1 || s.skips[0] != o(1, 7) {
		t.Errorf("%v", s.skips)
	}
}
