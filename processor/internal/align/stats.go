package align

import (
	"math"
	"time"

	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/topology"
)

// Alignment is how the tasks of a group keep together in event time: those whose records meet behind repartition topics, of all
// instances.
type Alignment struct {
	SubTopologies []string
	// Spread is how far, in event time, the task in front is ahead of the one that others may wait for, as far as it is known
	// here; tasks that are live or have nothing to read do not count. 0 if there are no two.
	Spread time.Duration
	// Waiting are the tasks of this instance that wait now.
	Waiting []Waiting
	// Waited is how long tasks of this instance have waited, all together.
	Waited time.Duration
}

// Waiting is a task that waits for another one, which is the last in event time.
type Waiting struct {
	Task, On task.ID
	For      time.Duration
}

// Snapshot returns what there is to say of each group.
func (b *Board) Snapshot() []Alignment {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.cfg.Now()
	var all []Alignment
	for _, g := range b.groups {
		var a Alignment
		for _, m := range g.subs {
			a.SubTopologies = append(a.SubTopologies, m.sub)
		}
		least, most := int64(math.MaxInt64), int64(math.MinInt64)
		for _, e := range g.entries {
			if p := b.seen(e, e.owner, now); !p.rest && p.time != topology.NoTime {
				least, most = min(least, p.time), max(most, p.time)
			}
			a.Waited += e.waits
			if e.held {
				a.Waited += now.Sub(e.since)
				a.Waiting = append(a.Waiting, Waiting{e.id, e.whom, now.Sub(e.since)})
			}
		}
		if most > least {
			a.Spread = time.Duration(min(uint64(most)-uint64(least), math.MaxInt64/uint64(time.Millisecond))) * time.Millisecond
		}
		all = append(all, a)
	}
	return all
}
