package kafkastreams

import (
	"slices"

	"github.com/kolkstream/kolk/topology"
)

// coGroup is a co-group of a case, which has its functions where it is aggregated.
type coGroup struct {
	groups      []*built
	aggregators []string
}

func (b *builder) coGroup(n node) (*built, error) {
	co := &coGroup{aggregators: n.Aggregators}
	for _, id := range n.In {
		co.groups = append(co.groups, b.nodes[id])
	}
	if slices.ContainsFunc(co.groups, func(g *built) bool { return g == nil || g.grouped == nil }) {
		return nil, unsaid("a co-group of what is not grouped")
	}
	return &built{co: co}, nil
}

// coWindows builds the windows of a co-group.
func (b *builder) coWindows(in *built, n node, w topology.Windows) *built {
	return &built{co: in.co, coWindow: &w, window: n, final: n.Emit == "onWindowClose"}
}

// aggregateTogether builds the aggregation of a co-group.
func (b *builder) aggregateTogether(in *built, n node) *built {
	store := b.store(n)
	session := in.window.Type == "session"
	fold := func(name string) topology.Aggregator[*record, string] {
		f := topology.FoldOpt(func(a topology.Opt[string], r *record) topology.Opt[string] {
			v, before := value(r), null(a)
			if v != nil {
				v = seen(*v)
			}
			switch {
			case session && before != nil:
				before = seen(*before)
			case before == nil:
				before = n.Init
			}
			return opt(aggregate(name, key(r), v, before))
		})
		if !session {
			return f
		}
		return f.From(func() string { return visible(n.Init) }).
			Merge(func(x, y string) string { return visible(merge(n.Merger, seen(x), seen(y))) })
	}
	var all topology.CoGrouped[string, string]
	for i, g := range in.co.groups {
		one := g.grouped.CoGroupRecords(fold(in.co.aggregators[i]))
		if i == 0 {
			all = one
		} else {
			all = all.With(one)
		}
	}
	if in.coWindow == nil {
		b.stored[n.Store] = texts(store)
		t := all.Aggregate(store).EachUpdate()
		return &built{table: &t}
	}
	b.stored[n.Store] = windows(store, in.window, b.lastTime())
	if session {
		b.stored[n.Store] = openSessions(store, in.window, b.lastTime())
	}
	return &built{window: in.window, results: emit(in, all.Window(*in.coWindow).Aggregate(store))}
}
