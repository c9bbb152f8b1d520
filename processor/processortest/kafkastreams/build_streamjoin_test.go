package kafkastreams

import (
	"time"

	"github.com/kolkstream/kolk/topology"
)

// streamJoin builds a join of two streams.
func (b *builder) streamJoin(in *built, n node) (*built, error) {
	by := func(in *built, keyless bool) stream {
		if keyless {
			return withKey(b.byKeyOrNone(in))
		}
		return withKey(b.byKey(in))
	}
	left, right := by(in, n.Type != "inner"), by(b.nodes[n.In[1]], n.Type == "outer")
	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	bounds := topology.Within(0).Before(ms(n.BeforeMs)).After(ms(n.AfterMs))
	if n.GraceMs != nil {
		bounds = bounds.Grace(ms(*n.GraceMs))
	}
	value := func(l, r topology.Opt[string]) topology.Opt[string] {
		var key, lv, rv text
		if l.OK {
			k, v := split(l.Value)
			key, lv = k, &v
		}
		if r.OK {
			k, v := split(r.Value)
			key, rv = k, &v
		}
		return opt(join(n.Joiner, key, lv, rv))
	}
	some := topology.Some[string]
	var joiner topology.Joiner[string, string, topology.Opt[string]]
	switch n.Type {
	case "inner":
		joiner = topology.Inner(func(l, r string) topology.Opt[string] { return value(some(l), some(r)) })
	case "left":
		joiner = topology.Left(func(l string, r topology.Opt[string]) topology.Opt[string] { return value(some(l), r) })
	default:
		joiner = topology.Outer(value)
	}
	return &built{stream: nullable(left.JoinWithin(b.name("join"), right, bounds, joiner))}, nil
}
