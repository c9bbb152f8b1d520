package processortest

import (
	"fmt"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// row is what a table has for a key.
type row struct{ value, ts int64 }

// rows makes a table of a stream whose content is a function of the input, and what it has to have
// in the end. ok is false if the stream makes none.
func (g *randomTopology) rows(from *grown) (t topology.Table[string, int64], all map[string]row, what string, ok bool) {
	if !from.placed || from.line != 0 {
		return t, nil, "", false
	}
	all = map[string]row{}
	if from.first && g.rnd.Intn(2) == 0 {
		store := g.name("latest")
		g.m.node(func(_ int32, r modelRecord, _ func(modelRecord)) {
			switch {
			case r.noKey:
				g.m.drop(topology.NullKey)
			case r.noValue:
				delete(all, r.key)
			default:
				all[r.key] = row{r.value, r.ts}
			}
		}, from.n)
		t, what = from.s.ToTable(store), fmt.Sprintf("latest %s of %s", store, from.name)
	} else {
		store := g.name("sum")
		g.m.node(func(_ int32, r modelRecord, _ func(modelRecord)) {
			switch {
			case r.noKey:
				g.m.drop(topology.NullKey)
			case r.noValue:
				g.m.drop(topology.NullValue)
			default:
				a := all[r.key]
				all[r.key] = row{a.value + r.value, max(a.ts, r.ts)}
			}
		}, from.n)
		t = from.s.GroupByKey().Aggregate(store, func(a, v int64) int64 { return a + v })
		what = fmt.Sprintf("sum %s of %s", store, from.name)
	}
	if g.rnd.Intn(2) == 0 {
		return t.EachUpdate(), all, what + ", each", true
	}
	return t, all, what, true
}

// joinForeign joins two tables by a key that is computed from the values of the first.
func (g *randomTopology) joinForeign() {
	a, ok := g.pick(true)
	if !ok {
		return
	}
	b, ok := g.pick(true)
	if !ok || !a.placed || !b.placed || a.line != 0 || b.line != 0 {
		return
	}
	// What the end of a run closes goes by all inputs of a sub-topology, those of the join between
	// its places too. The reference does not have these messages.
	g.once = true
	left, lefts, leftText, _ := g.rows(a)
	right, rights, rightText := left, lefts, "itself"
	if a != b || g.rnd.Intn(2) == 0 {
		right, rights, rightText, _ = g.rows(b)
	}
	name, topic := g.name("foreign"), g.name("out")
	withKey, outer := g.rnd.Intn(2) == 0, g.rnd.Intn(2) == 0
	of := func(v int64) string { return []string{"ax", "a", "b", "c", "", "bx"}[(v%6+6)%6] }
	// none is what a left join makes of nothing.
	joined := func(l, r int64) int64 { return 1000*l + r }
	none := func(l int64) int64 { return -l }
	how := topology.Inner(joined)
	if outer {
		how = topology.Left(func(l int64, r topology.Opt[int64]) int64 {
			if !r.OK {
				return none(l)
			}
			return joined(l, r.Value)
		})
	}
	var t topology.Table[string, int64]
	if withKey {
		t = left.JoinForeignRows(name, right, func(k string, v int64) topology.Opt[string] {
			if k == "c" || v%5 == 2 {
				return topology.None[string]()
			}
			return topology.Some(of(v))
		}, how)
	} else {
		t = left.JoinForeign(name, right, of, how)
	}
	if g.rnd.Intn(2) == 0 {
		t = t.EachUpdate()
	}
	t.ToStream().To(topic)
	// want is what a loop over the rows makes of them.
	want := func() map[string]row {
		want := map[string]row{}
		for k, l := range lefts {
			r, found := rights[of(l.value)]
			if withKey && (k == "c" || l.value%5 == 2) {
				found = false
			}
			switch {
			case found:
				want[k] = row{joined(l.value, r.value), max(l.ts, r.ts)}
			case outer:
				want[k] = row{none(l.value), l.ts}
			}
		}
		return want
	}
	g.checks = append(g.checks, func(d *Driver) string {
		got := map[string]row{}
		for _, r := range d.Output(topic, serde.String(), serde.Int64()).Records() {
			if delete(got, r.Key); !r.NoValue {
				got[r.Key] = row{r.Value, r.Timestamp}
			}
		}
		return differ(topic, got, want())
	})
	g.storeChecks = append(g.storeChecks, len(g.checks))
	g.checks = append(g.checks, func(d *Driver) string {
		got := map[string]row{}
		for _, e := range d.Store(name, serde.String(), serde.Int64()) {
			got[e.Key] = row{e.Value, e.Timestamp}
		}
		return differ("store "+name, got, want())
	})
	g.text = append(g.text, fmt.Sprintf("%s = %s, joined with %s by a foreign key, with the key %v, left %v", topic, leftText, rightText, withKey, outer))
}
