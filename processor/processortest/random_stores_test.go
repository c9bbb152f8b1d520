package processortest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// modelSpan is a row of a store with times: a session, or a window whose times are equal.
type modelSpan struct{ start, end, value int64 }

// timedStores draws a processor with a store whose rows have times. What it finds depends on the
// order of records.
func (g *randomTopology) timedStores() {
	from, ok := g.pick(true)
	if !ok || from.apart || !from.first && from.line == 0 {
		return
	}
	store := g.name("timed")
	if from.line == 0 {
		g.ordered = append(g.ordered, store)
	}
	out := *from
	out.used, out.rekeyed, out.first, out.fresh = false, true, false, false
	keeps := []int64{1, 10, 30, 100}[g.rnd.Intn(4)]
	near := []int64{0, 3, 20, 60}[g.rnd.Intn(4)]
	kind := g.rnd.Intn(3)
	switch kind {
	case 0:
		g.windowStore(from, &out, store, keeps, near)
	case 1:
		g.sessionStore(from, &out, store, keeps, near)
	case 2:
		g.versionedStore(from, &out, store, keeps, near)
	}
	g.add(out, "%s process with store %s, kind %d, for %d, near %d", from.name, store, kind, keeps, near)
}

// spans adds a node that has rows for each task and key. f gets those that are not too old for a
// record, in the order of end and start, and returns what is forwarded, which rows go, and which
// one comes.
func (m *model) spans(keeps int64, parent *modelNode, f func(r modelRecord, found []modelSpan) (value int64, gone []modelSpan, comes modelSpan)) *modelNode {
	all := map[modelRow][]modelSpan{}
	return m.node(func(p int32, r modelRecord, send func(modelRecord)) {
		if r.noKey || r.noValue {
			send(r)
			return
		}
		at := modelRow{p, r.key}
		found := slices.DeleteFunc(slices.Clone(all[at]), func(s modelSpan) bool { return s.end <= r.ref-keeps })
		value, gone, comes := f(r, found)
		found = slices.DeleteFunc(found, func(s modelSpan) bool {
			return slices.Contains(gone, s) || s.start == comes.start && s.end == comes.end
		})
		if comes.end > r.ref-keeps {
			found = append(found, comes)
		}
		slices.SortFunc(found, func(a, b modelSpan) int { return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.start, b.start)) })
		all[at] = found
		r.value = value
		send(r)
	}, parent)
}

// windowStore keeps values at their times, and forwards what it finds near.
func (g *randomTopology) windowStore(from, out *grown, store string, keeps, near int64) {
	ref := g.top.WindowStore(store, serde.String(), serde.Int64(), ms(keeps))
	out.s = from.s.ProcessFunc(g.name("near"), func(c topology.Context[string, int64], r *topology.Record[string, int64]) error {
		if r.NoKey || r.NoValue {
			c.Forward(*r)
			return nil
		}
		s, sum := ref.Open(c), r.Value
		err := s.Fetch(r.Key, r.Timestamp-near, r.Timestamp+near, func(start, v int64) bool {
			sum = (3*sum + v + start) % 1000
			return true
		})
		if err != nil {
			return err
		}
		c.Forward(r.With(r.Key, sum))
		return s.Put(r.Key, r.Timestamp, r.Value)
	}, ref)
	out.n = g.m.spans(keeps, from.n, func(r modelRecord, found []modelSpan) (int64, []modelSpan, modelSpan) {
		sum := r.value
		for _, s := range found {
			if s.start >= r.ts-near && s.start <= r.ts+near {
				sum = (3*sum + s.value + s.start) % 1000
			}
		}
		return sum, nil, modelSpan{r.ts, r.ts, r.value}
	})
}

// sessionStore makes one session of a record and those near, and forwards its sum.
func (g *randomTopology) sessionStore(from, out *grown, store string, keeps, near int64) {
	ref := g.top.SessionStore(store, serde.String(), serde.Int64(), ms(keeps))
	out.s = from.s.ProcessFunc(g.name("sessions"), func(c topology.Context[string, int64], r *topology.Record[string, int64]) error {
		if r.NoKey || r.NoValue {
			c.Forward(*r)
			return nil
		}
		s, sum, all := ref.Open(c), r.Value, topology.Window{Start: r.Timestamp, End: r.Timestamp}
		failed := error(nil)
		err := s.Fetch(r.Key, r.Timestamp-near, r.Timestamp+near, func(at topology.Window, v int64) bool {
			sum = (sum + v) % 1000
			all = topology.Window{Start: min(all.Start, at.Start), End: max(all.End, at.End)}
			failed = s.Delete(r.Key, at)
			return failed == nil
		})
		if err = cmp.Or(err, failed); err != nil {
			return err
		}
		c.Forward(r.With(r.Key, sum))
		return s.Put(r.Key, all, sum)
	}, ref)
	out.n = g.m.spans(keeps, from.n, func(r modelRecord, found []modelSpan) (int64, []modelSpan, modelSpan) {
		comes, gone := modelSpan{r.ts, r.ts, r.value}, []modelSpan(nil)
		for _, s := range found {
			if s.end >= r.ts-near && s.start <= r.ts+near {
				comes = modelSpan{min(comes.start, s.start), max(comes.end, s.end), (comes.value + s.value) % 1000}
				gone = append(gone, s)
			}
		}
		return comes.value, gone, comes
	})
}

// versionedStore forwards what the value was a while before, and keeps the new one.
func (g *randomTopology) versionedStore(from, out *grown, store string, keeps, near int64) {
	ref := g.top.VersionedStore(store, serde.String(), serde.Int64(), ms(keeps))
	out.s = from.s.ProcessFunc(g.name("before"), func(c topology.Context[string, int64], r *topology.Record[string, int64]) error {
		if r.NoKey {
			c.Forward(*r)
			return nil
		}
		s := ref.Open(c)
		was, since, ok, err := s.GetAsOf(r.Key, r.Timestamp-near)
		if err != nil {
			return err
		}
		now, _, _, err := s.Get(r.Key)
		if err != nil {
			return err
		}
		if ok {
			was += since
		}
		c.Forward(r.With(r.Key, (3*was+now)%1000))
		if r.NoValue {
			return s.Delete(r.Key, r.Timestamp)
		}
		return s.Put(r.Key, r.Timestamp, r.Value)
	}, ref)
	all := map[modelRow][]modelRecord{}
	out.n = g.m.node(func(p int32, r modelRecord, send func(modelRecord)) {
		if r.noKey {
			send(r)
			return
		}
		at, was, now := modelRow{p, r.key}, int64(0), int64(0)
		list := all[at]
		for i, v := range list {
			last := i == len(list)-1
			if last && !v.noValue {
				now = v.value
			}
			if v.ts <= r.ts-near && (last || list[i+1].ts > r.ts-near) && !v.noValue && (last || r.ts-near >= r.ref-keeps) {
				was = v.value + v.ts
			}
		}
		if r.ref-r.ts <= keeps {
			list = append(slices.DeleteFunc(list, func(v modelRecord) bool { return v.ts == r.ts }), r)
			slices.SortFunc(list, func(a, b modelRecord) int { return cmp.Compare(a.ts, b.ts) })
			all[at] = list
		}
		r.value, r.noValue = (3*was+now)%1000, false
		send(r)
	}, from.n)
}

// deduplicate drops what has come before. It depends on the order of records.
func (g *randomTopology) deduplicate() {
	from, ok := g.pick(true)
	if !ok || from.apart || !from.first && from.line == 0 {
		return
	}
	store := g.name("once")
	if from.line == 0 {
		g.ordered = append(g.ordered, store)
	}
	within := []int64{0, 2, 10, 50}[g.rnd.Intn(4)]
	out := *from
	out.used, out.fresh = false, false
	records := g.rnd.Intn(2) == 0
	if records {
		out.s = from.s.DeduplicateRecords(store, func(r *topology.Record[string, int64]) int64 { return r.Value % 3 }, ms(within))
	} else {
		out.s = from.s.Deduplicate(store, func(v int64) int64 { return v % 3 }, ms(within))
	}
	passed := map[string][]int64{} // refs, by task, key and id
	out.n = g.m.node(func(p int32, r modelRecord, send func(modelRecord)) {
		if r.noKey {
			g.m.drop(topology.NullKey)
			return
		}
		if r.noValue && !records {
			send(r)
			return
		}
		at := fmt.Sprintf("%d %q %d", p, r.key, r.value%3)
		if slices.ContainsFunc(passed[at], func(ref int64) bool { return ref >= r.ref-within && ref <= r.ref+within }) {
			g.m.drop(topology.Duplicate)
			return
		}
		passed[at] = append(passed[at], r.ref)
		send(r)
	}, from.n)
	g.add(out, "%s deduplicate %s within %d, records %v", from.name, store, within, records)
}
