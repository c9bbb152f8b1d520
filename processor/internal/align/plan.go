package align

import (
	"github.com/kolkstream/kolk/internal/flow"
)

// member is a sub-topology in a group.
type member struct {
	sub   string
	delay int64 // ms: of what lies behind it
}

// groupsOf returns the sub-topologies whose tasks are to keep together.
func groupsOf(p *flow.Plan) (groups [][]member) {
	group := map[string]int{} // by sub-topology
	for _, r := range p.Repartitions {
		to := -1
		for _, w := range r.Writers {
			g, ok := group[w.SubTopology]
			if !ok {
				if to < 0 {
					to = len(groups)
					groups = append(groups, nil)
				}
				group[w.SubTopology] = to
				groups[to] = append(groups[to], member{w.SubTopology, delayBehind(p, w.SubTopology)})
				continue
			}
			if to < 0 {
				to = g
			}
			if g != to {
				for _, m := range groups[g] {
					group[m.sub] = to
				}
				groups[to] = append(groups[to], groups[g]...)
				groups[g] = nil
			}
		}
	}
	return groups
}

// delayBehind is the longest sum of delays on a way from a sub-topology on. Plans have no circles.
func delayBehind(p *flow.Plan, sub string) (most int64) {
	for _, r := range p.Repartitions {
		for _, w := range r.Writers {
			if w.SubTopology != sub {
				continue
			}
			d := w.Delay.Milliseconds()
			for _, reader := range p.SubTopologies {
				for _, in := range reader.Inputs {
					if in.Repartition && in.Topic == r.Name {
						most = max(most, sum(d, delayBehind(p, reader.Name)))
					}
				}
			}
			most = max(most, d)
		}
	}
	return most
}
