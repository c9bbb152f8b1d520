package topology_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// seen is a change as it was handed on, and the values themselves: they must not change later.
type seen struct {
	text   string
	key    string
	change string
	again  func() string
}

// watch is what the changes of a table and the rows that it has handed on are compared by.
type watch struct {
	seen   []seen
	handed func(key string) string
}

// watched has the changes of a table noted as texts.
func watched[V any](tb topology.Table[string, V]) *watch {
	w := new(watch)
	show := func(v topology.Opt[V]) string {
		if !v.OK {
			return "none"
		}
		b, err := json.Marshal(v.Value)
		if err != nil {
			panic(err)
		}
		return string(b)
	}
	topology.ChangesOf(tb, func(r *topology.Record[string, operator.Change[V]]) {
		c := r.Value
		again := func() string { return show(c.Old) + " -> " + show(c.New) }
		w.seen = append(w.seen, seen{text: fmt.Sprintf("%s: %s @%d", r.Key, again(), r.Timestamp), key: r.Key, change: again(), again: again})
	})
	topology.HandedOn(tb, func(row func(key []byte) (topology.Opt[V], int64, error)) {
		w.handed = func(key string) string {
			v, ts, err := row([]byte(key))
			if err != nil {
				panic(err)
			}
			if !v.OK {
				return "none"
			}
			return fmt.Sprintf("%s @%d", show(v), ts)
		}
	})
	return w
}

// plainRow is a row of the reference.
type plainRow struct {
	value string // JSON
	ts    int64
}

// plainTable is the reference: rows, what was handed on of them, and the order of updates.
type plainTable struct {
	step   func(before string, has bool, value *string) (after string, keep bool)
	latest bool // the timestamp is the record's
	each   bool
	rows   map[string]plainRow
	handed map[string]plainRow
	order  []string // keys with updates that wait
	ts     map[string]int64
	out    []string
}

func (p *plainTable) clone() *plainTable {
	c := *p
	c.rows, c.handed, c.ts, c.order = maps.Clone(p.rows), maps.Clone(p.handed), maps.Clone(p.ts), slices.Clone(p.order)
	c.out = slices.Clone(p.out)
	return &c
}

func (p *plainTable) show(rows map[string]plainRow, key string) string {
	if r, ok := rows[key]; ok {
		return r.value
	}
	return "none"
}

func (p *plainTable) hand(key string) {
	p.out = append(p.out, fmt.Sprintf("%s: %s -> %s @%d", key, p.show(p.handed, key), p.show(p.rows, key), p.ts[key]))
	if r, ok := p.rows[key]; ok {
		p.handed[key] = r
	} else {
		delete(p.handed, key)
	}
}

func (p *plainTable) update(key string, value *string, ts int64) {
	before, has := p.rows[key]
	if !p.latest {
		if value == nil {
			return
		}
		if has {
			ts = max(ts, before.ts)
		}
	}
	after, keep := p.step(before.value, has, value)
	p.ts[key] = ts
	if keep {
		p.rows[key] = plainRow{after, ts}
	} else {
		delete(p.rows, key)
	}
	if p.each {
		p.hand(key)
		return
	}
	p.order = append(slices.DeleteFunc(p.order, func(k string) bool { return k == key }), key)
}

func (p *plainTable) flush() {
	for _, key := range p.order {
		p.hand(key)
	}
	p.order = nil
}

// box is an accumulator that is changed in place.
type box struct{ All []int }

// Changes have the value that was handed on last as the old one, whatever is evicted, committed and
// aborted in between; values that are changed in place later stay what they were.
func TestChanges(t *testing.T) {
	for _, seed := range seeds.Several(t, 60) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { testChanges(t, seed) })
	}
}

func testChanges(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	tp, s := text()
	type pair struct {
		name string
		w    *watch
		p    *plainTable
	}
	var pairs []*pair
	add := func(name string, each bool, w *watch, latest bool, step func(string, bool, *string) (string, bool)) {
		pairs = append(pairs, &pair{name, w, &plainTable{step: step, latest: latest, each: each, rows: map[string]plainRow{}, handed: map[string]plainRow{}, ts: map[string]int64{}}})
	}
	for _, each := range []bool{false, true} {
		name := map[bool]string{false: "updates", true: "each"}[each]
		latest := s.ToTable("latest-" + name)
		count := s.GroupByKey().Count("count-" + name)
		boxes := s.GroupByKey().Aggregate("boxes-"+name, func(a *box, v string) *box {
			if a == nil {
				a = new(box)
			}
			a.All = append(a.All, number(v))
			for i := range a.All {
				a.All[i]++ // in place
			}
			return a
		}, topology.ValueSerde(serde.JSON[*box]()))
		opts := s.GroupByKey().AggregateWith("opt-"+name, topology.FoldOpt(func(a topology.Opt[string], v string) topology.Opt[string] {
			if number(v)%3 == 0 {
				return topology.None[string]()
			}
			return topology.Some(a.Value + v)
		}))
		if each {
			latest, count, boxes, opts = latest.EachUpdate(), count.EachUpdate(), boxes.EachUpdate(), opts.EachUpdate()
		}
		add("latest-"+name, each, watched(latest), true, func(_ string, _ bool, v *string) (string, bool) {
			if v == nil {
				return "", false
			}
			return strconv.Quote(*v), true
		})
		add("count-"+name, each, watched(count), false, func(before string, has bool, _ *string) (string, bool) {
			if !has {
				return "1", true
			}
			return strconv.Itoa(number(before) + 1), true
		})
		add("boxes-"+name, each, watched(boxes), false, func(before string, has bool, v *string) (string, bool) {
			var b box
			if has {
				if err := json.Unmarshal([]byte(before), &b); err != nil {
					panic(err)
				}
			}
			b.All = append(b.All, number(*v))
			for i := range b.All {
				b.All[i]++
			}
			after, _ := json.Marshal(b)
			return string(after), true
		})
		add("opt-"+name, each, watched(opts), false, func(before string, has bool, v *string) (string, bool) {
			if number(*v)%3 == 0 {
				return "", false
			}
			text := ""
			if has {
				text, _ = strconv.Unquote(before)
			}
			return strconv.Quote(text + *v), true
		})
	}
	s.To("out")
	r := newRig(t, tp)
	r.budget = []int64{0, 300, 2000, 1 << 20}[rnd.IntN(4)]
	var committed []*plainTable
	save := func() {
		committed = committed[:0]
		for _, p := range pairs {
			committed = append(committed, p.p.clone())
		}
	}
	save()
	counts := make([]int, len(pairs)) // of changes at the last commit
	keys := []string{"a", "b", "c", "d", "a key that is too long for its entry", ""}
	for range 300 {
		switch n := rnd.IntN(40); {
		case n < 30:
			m := msg("in", keys[rnd.IntN(len(keys))], strconv.Itoa(rnd.IntN(10)), int64(rnd.IntN(100)))
			if rnd.IntN(8) == 0 {
				m.value = nil
			}
			r.in(m)
			for _, p := range pairs {
				p.p.update(*m.key, m.value, m.ts)
			}
		case n < 33: // a flush within the transaction
			if err := r.tasks["in"].flush(); err != nil {
				t.Fatal(err)
			}
			for _, p := range pairs {
				p.p.flush()
			}
		case n < 36:
			r.commit()
			for i, p := range pairs {
				p.p.flush()
				counts[i] = len(p.w.seen)
			}
			save()
		case n < 38: // an abort, or a crash
			r.restart()
			for i, p := range pairs {
				p.w.seen = p.w.seen[:counts[i]]
				p.p = committed[i].clone()
			}
		default:
			key := keys[rnd.IntN(len(keys))]
			for _, p := range pairs {
				want := "none"
				if row, ok := p.p.handed[key]; ok {
					want = fmt.Sprintf("%s @%d", row.value, row.ts)
				}
				if got := p.w.handed(key); got != want {
					t.Fatalf("%s: %q was handed on as %s, want %s", p.name, key, got, want)
				}
			}
		}
		for _, p := range pairs {
			for i, c := range p.w.seen {
				if i >= len(p.p.out) || c.text != p.p.out[i] {
					t.Fatalf("%s: change %d is %s, of %d wanted:\n%v", p.name, i, c.text, len(p.p.out), p.p.out[max(0, i-3):])
				}
			}
			if len(p.w.seen) != len(p.p.out) {
				t.Fatalf("%s: %d changes, want %d", p.name, len(p.w.seen), len(p.p.out))
			}
		}
	}
	for _, p := range pairs {
		for _, c := range p.w.seen {
			if c.again() != c.change {
				t.Fatalf("%s: what was handed on as %s is %s now", p.name, c.change, c.again())
			}
		}
	}
}

// brittle is a serde that refuses some values.
type brittle struct{ serde.Serde[int64] }

var errBrittle = errors.New("cannot be written")

func (s brittle) Append(dst []byte, v int64) ([]byte, error) {
	if v%5 == 4 {
		return dst, errBrittle
	}
	return s.Serde.Append(dst, v)
}

// Where values cannot be written and records are skipped, each change still begins with what the
// one before has ended with, and what was handed on last is what is in the store.
func TestChangesOfWhatCannotBeWritten(t *testing.T) {
	for _, seed := range seeds.Several(t, 40) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		tp, s := text()
		sum := func(a int64, v string) int64 { return a + int64(number(v)) }
		updates := s.GroupByKey().Aggregate("updates", sum, topology.ValueSerde[int64](brittle{serde.Int64()}))
		each := s.GroupByKey().Aggregate("each", sum, topology.ValueSerde[int64](brittle{serde.Int64()})).EachUpdate()
		watches := map[string]*watch{"updates": watched(updates), "each": watched(each)}
		r := newRig(t, tp)
		r.skip = true
		r.budget = []int64{0, 300, 1 << 20}[rnd.IntN(3)]
		for range 300 {
			r.in(msg("in", []string{"a", "b", "c"}[rnd.IntN(3)], strconv.Itoa(rnd.IntN(4)), 1))
			if rnd.IntN(6) == 0 {
				r.commit()
			}
		}
		r.commit()
		for store, w := range watches {
			last := map[string]string{}
			for i, c := range w.seen {
				before, after, _ := cutChange(c.change)
				if was, ok := last[c.key]; ok && was != before || !ok && before != "none" {
					t.Fatalf("seed %d: %s: change %d is %s, after %s", seed, store, i, c.text, was)
				}
				last[c.key] = after
			}
			for key, row := range r.rows(store) {
				v, err := serde.Int64().Decode([]byte(row)[8:])
				if err != nil || last[key] != strconv.FormatInt(v, 10) {
					t.Fatalf("seed %d: %s: %s has %d, and was handed on as %s", seed, store, key, v, last[key])
				}
			}
		}
		if len(r.failures) == 0 {
			t.Errorf("seed %d: nothing failed", seed)
		}
	}
}

func cutChange(c string) (before, after string, ok bool) {
	for i := range c {
		if c[i:min(len(c), i+4)] == " -> " {
			return c[:i], c[i+4:], true
		}
	}
	return c, "", false
}

// textRow is a row of the reference.
type textRow struct {
	value string
	ts    int64
	ok    bool
}

// joinedRow is the row of a join.
func joinedRow(kind string, l, r textRow) textRow {
	switch {
	case kind != "outer" && !l.ok, kind == "inner" && !r.ok, !l.ok && !r.ok:
		return textRow{}
	}
	row := textRow{value: "none+", ok: true}
	if l.ok {
		row.value, row.ts = l.value+"+", l.ts
	}
	if r.ok {
		row.value, row.ts = row.value+r.value, max(row.ts, r.ts)
	} else {
		row.value += "none"
	}
	return row
}

// Tables that are made of tables begin each change with what the one before has ended with, and
// end, at every commit, with what a plain function makes of the rows of the sources.
func TestChangesOfDerivedTables(t *testing.T) {
	for _, seed := range seeds.Several(t, 80) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { testDerived(t, seed) })
	}
}

type textTable = topology.Table[string, string]

func testDerived(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	tp := topology.New("test")
	emitted := func(tb textTable) textTable {
		if rnd.IntN(2) == 0 {
			return tb.EachUpdate()
		}
		return tb
	}
	type derived struct {
		name string
		tb   textTable
		of   func(a, b textRow) textRow
		w    *watch
	}
	all := []*derived{
		{name: "a", tb: emitted(tp.Table("a", serde.String(), serde.String())), of: func(a, _ textRow) textRow { return a }},
		{name: "b", tb: emitted(tp.Stream("b", serde.String(), serde.String()).GroupByKey().AggregateWith("b", topology.FoldOpt(func(a topology.Opt[string], v string) topology.Opt[string] {
			if v == "0" {
				return topology.None[string]()
			}
			return topology.Some(v)
		}))), of: func(_, b textRow) textRow { return b }},
	}
	for range 2 + rnd.IntN(6) {
		from := all[rnd.IntN(len(all))]
		switch rnd.IntN(6) {
		case 0:
			all = append(all, &derived{name: "filter " + from.name, tb: from.tb.Filter(func(v string) bool { return len(v)%2 == 1 }), of: func(a, b textRow) textRow {
				if r := from.of(a, b); r.ok && len(r.value)%2 == 1 {
					return r
				}
				return textRow{}
			}})
		case 1:
			all = append(all, &derived{name: "map " + from.name, tb: from.tb.MapRows(func(k, v string) topology.Opt[string] {
				if v == "3" {
					return topology.None[string]()
				}
				return topology.Some(k + v)
			}), of: func(a, b textRow) textRow {
				r := from.of(a, b)
				if r.value == "3" {
					return textRow{}
				}
				if r.ok {
					r.value = "k" + r.value
				}
				return r
			}})
		default:
			with := all[rnd.IntN(len(all))]
			kind := []string{"inner", "left", "outer"}[rnd.IntN(3)]
			name := fmt.Sprintf("j%d", len(all))
			show := func(v topology.Opt[string]) string {
				if !v.OK {
					return "none"
				}
				return v.Value
			}
			how := map[string]topology.Joiner[string, string, string]{
				"inner": topology.Inner(func(l, r string) string { return l + "+" + r }),
				"left":  topology.Left(func(l string, r topology.Opt[string]) string { return l + "+" + show(r) }),
				"outer": topology.Outer(func(l, r topology.Opt[string]) string { return show(l) + "+" + show(r) }),
			}[kind]
			all = append(all, &derived{name: fmt.Sprintf("%s = %s %s %s", name, from.name, kind, with.name), tb: from.tb.Join(name, with.tb, how), of: func(a, b textRow) textRow {
				return joinedRow(kind, from.of(a, b), with.of(a, b))
			}})
		}
	}
	for _, d := range all {
		d.w = watched(d.tb)
	}
	r := newRig(t, tp)
	r.budget = []int64{0, 300, 1 << 20}[rnd.IntN(3)]
	rows := map[string]map[string]textRow{"a": {}, "b": {}}
	saved := map[string]map[string]textRow{"a": {}, "b": {}}
	counts := make([]int, len(all))
	keys := []string{"k"}
	if rnd.IntN(2) == 0 {
		keys = append(keys, "l", "m")
	}
	check := func() {
		for _, d := range all {
			last := map[string]string{}
			for n, c := range d.w.seen {
				before, after, _ := cutChange(c.change)
				if was, ok := last[c.key]; ok && was != before || !ok && before != "none" {
					t.Fatalf("%s: change %d is %s, after %s", d.name, n, c.text, was)
				}
				last[c.key] = after
			}
			at := map[string]string{}
			for _, c := range d.w.seen {
				at[c.key] = c.text
			}
			for _, key := range keys {
				want := d.of(rows["a"][key], rows["b"][key])
				line, came := at[key]
				switch _, after, _ := cutChange(line); {
				case !want.ok:
					if got, _, _ := cutAt(after); came && got != "none" {
						t.Fatalf("%s: %s has %s, want nothing", d.name, key, after)
					}
				default:
					text := fmt.Sprintf("%q @%d", asKey(key, want.value), want.ts)
					if after != text {
						t.Fatalf("%s: %s has %s, want %s", d.name, key, after, text)
					}
				}
			}
		}
	}
	for range 150 {
		switch n := rnd.IntN(20); {
		case n < 15:
			topic, key := []string{"a", "b"}[rnd.IntN(2)], keys[rnd.IntN(len(keys))]
			m := msg(topic, key, strconv.Itoa(rnd.IntN(6)), int64(rnd.IntN(100)))
			row := textRow{*m.value, m.ts, true}
			switch before := rows[topic][key]; {
			case topic == "a" && rnd.IntN(3) == 0:
				m.value, row = nil, textRow{}
			case topic == "b" && *m.value == "0":
				row = textRow{}
			case topic == "b" && before.ok:
				row.ts = max(row.ts, before.ts)
			}
			rows[topic][key] = row
			r.in(m)
		case n < 18:
			r.commit()
			check()
			for i, d := range all {
				counts[i] = len(d.w.seen)
			}
			saved = map[string]map[string]textRow{"a": maps.Clone(rows["a"]), "b": maps.Clone(rows["b"])}
		default:
			r.restart()
			for i, d := range all {
				d.w.seen = d.w.seen[:counts[i]]
			}
			rows = map[string]map[string]textRow{"a": maps.Clone(saved["a"]), "b": maps.Clone(saved["b"])}
		}
	}
	r.commit()
	check()
}

// asKey has the letter that maps put into values be that of the key.
func asKey(key, value string) string { return strings.ReplaceAll(value, "k", key) }

// cutAt cuts the timestamp off.
func cutAt(s string) (value, ts string, ok bool) { return strings.Cut(s, " @") }
