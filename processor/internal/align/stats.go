package align

import (
	"math"
	"time"

	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/topology"
)

// Snapshot returns what there is to say of each group.
func (b *Board) Snapshot() []report.Alignment {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.cfg.Now()
	var all []report.Alignment
	for _, g := range b.groups {
		var a report.Alignment
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
				a.Waiting = append(a.Waiting, report.Waiting{Task: e.id, On: e.whom, For: now.Sub(e.since)})
			}
		}
		if most > least {
			a.Spread = time.Duration(min(uint64(most)-uint64(least), math.MaxInt64/uint64(time.Millisecond))) * time.Millisecond
		}
		all = append(all, a)
	}
	return all
}
