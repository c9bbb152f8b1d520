package topology_test

import (
	"context"
	"encoding/binary"
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
)

// num is the serde of numbers as text, so that what is sent can be read.
func num() serde.Serde[int64] { return decimal{} }

type decimal struct{}

func (decimal) Name() string                               { return "decimal" }
func (decimal) Append(dst []byte, v int64) ([]byte, error) { return strconv.AppendInt(dst, v, 10), nil }
func (decimal) Decode(src []byte) (int64, error)           { return strconv.ParseInt(string(src), 10, 64) }

func numbers() (*topology.Topology, topology.Stream[string, int64]) {
	t := topology.New("test")
	return t, t.Stream("in", serde.String(), num())
}

func TestCountIsBigEndian(t *testing.T) {
	tp, s := text()
	s.GroupByKey().Count("n").ToStream().To("out")
	r := newRig(t, tp)
	r.in(msg("in", "a", "x", 7), msg("in", "a", "x", 5))
	r.commit()
	r.want("out a:\x00\x00\x00\x00\x00\x00\x00\x02 @7")
	if got, want := r.rows("n"), map[string]string{"a": "\x00\x00\x00\x00\x00\x00\x00\x07" + "\x00\x00\x00\x00\x00\x00\x00\x02"}; !maps.Equal(got, want) {
		t.Errorf("store %q, want %q", got, want)
	}
}

// What is missing is dropped and counted, by key grouped or regrouped.
func TestAggregatesDrop(t *testing.T) {
	tp, s := text()
	s.GroupByKey().Count("n").ToStream().To("out")
	s.GroupBy("g", strings.ToUpper).Count("m").ToStream().To("out")
	r := newRig(t, tp)
	r.in(samples()...)
	r.commit()
	one := "\x00\x00\x00\x00\x00\x00\x00\x01"
	r.want("out A:"+one+" @1", "out BB:"+one+" @2 {h=1 i=2}", "out :"+one+" @4", "out NOKEY:"+one+" @5", "out CCC:"+one+" @3 ref 5",
		"out a:"+one+" @1", "out b:"+one+" @2 {h=1 i=2}", "out :"+one+" @4", "out c:"+one+" @3 ref 5")
	r.wantDrops(map[string]int{"n null-key": 1, "n null-value": 1, "g null-value": 1})
}

// model is the reference: maps and loops.
type model struct {
	step func(has bool, a int64, key string, v int64) (int64, bool)
	rows map[string]modelRow
	// Of the open transaction.
	order []string // keys by last update
	sent  []string // of each-update
	last  map[string]string
	// The rows as of the last commit.
	committed map[string]modelRow
}

type modelRow struct {
	v  int64
	ts int64
}

func newModel(step func(has bool, a int64, key string, v int64) (int64, bool)) *model {
	return &model{step: step, rows: map[string]modelRow{}, last: map[string]string{}, committed: map[string]modelRow{}}
}

func (m *model) add(key string, v, ts, ref int64, headers string) {
	row, has := m.rows[key]
	if has {
		ts = max(ts, row.ts)
	}
	a, keep := m.step(has, row.v, key, v)
	line := message{topic: "out", key: &key, ts: ts, ref: max(ref, ts), headers: headers}
	if keep {
		m.rows[key] = modelRow{a, ts}
		line.value = ptr(strconv.FormatInt(a, 10))
	} else {
		delete(m.rows, key)
	}
	m.sent = append(m.sent, line.String())
	m.last[key] = line.String()
	if i := slices.Index(m.order, key); i >= 0 {
		m.order = slices.Delete(m.order, i, i+1)
	}
	m.order = append(m.order, key)
}

func (m *model) end(commit bool) (updates, each []string) {
	for _, k := range m.order {
		updates = append(updates, m.last[k])
	}
	each = m.sent
	m.order, m.sent = nil, nil
	clear(m.last)
	if commit {
		m.committed = maps.Clone(m.rows)
	} else {
		m.rows = maps.Clone(m.committed)
	}
	return updates, each
}

// Every aggregation, in every policy and with every size of the cache, against plain loops; with
// aborts and restarts.
func TestAggregations(t *testing.T) {
	type grouped = topology.Grouped[string, int64]
	type table = topology.Table[string, int64]
	text := topology.ValueSerde(num())
	tests := []struct {
		name  string
		build func(g grouped) table
		step  func(has bool, a int64, key string, v int64) (int64, bool)
	}{
		{"reduce", func(g grouped) table {
			return g.Reduce("agg", func(a, v int64) int64 { return a*3 + v })
		}, func(has bool, a int64, _ string, v int64) (int64, bool) {
			if !has {
				return v, true
			}
			return a*3 + v, true
		}},
		{"aggregate", func(g grouped) table {
			return g.Aggregate("agg", func(a, v int64) int64 { return a*3 + v }, text)
		}, func(_ bool, a int64, _ string, v int64) (int64, bool) { return a*3 + v, true }},
		{"aggregate from", func(g grouped) table {
			return g.AggregateWith("agg", topology.Fold(func(a, v int64) int64 { return a - v }).From(func() int64 { return 1000 }), text)
		}, func(has bool, a int64, _ string, v int64) (int64, bool) {
			if !has {
				a = 1000
			}
			return a - v, true
		}},
		{"aggregate records", func(g grouped) table {
			return g.AggregateRecords("agg", topology.Fold(func(a int64, r *topology.Record[string, int64]) int64 { return a + r.Value*int64(len(r.Key)) }), text)
		}, func(_ bool, a int64, key string, v int64) (int64, bool) { return a + v*int64(len(key)), true }},
		{"aggregate opt", func(g grouped) table {
			return g.AggregateWith("agg", topology.FoldOpt(func(a topology.Opt[int64], v int64) topology.Opt[int64] {
				if !a.OK {
					a.Value = 500
				}
				if a.Value += v; a.Value%3 == 0 {
					return topology.None[int64]()
				}
				return topology.Some(a.Value)
			}), text)
		}, func(has bool, a int64, _ string, v int64) (int64, bool) {
			if !has {
				a = 500
			}
			a += v
			return a, a%3 != 0
		}},
		{"try aggregate", func(g grouped) table {
			return g.AggregateWith("agg", topology.TryFold(func(_ context.Context, a, v int64) (int64, error) { return a ^ v, nil }), text)
		}, func(_ bool, a int64, _ string, v int64) (int64, bool) { return a ^ v, true }},
		{"try aggregate from", func(g grouped) table {
			return g.AggregateWith("agg", topology.TryFold(func(_ context.Context, a, v int64) (int64, error) { return a ^ v, nil }).
				From(func() int64 { return 7 }), text)
		}, func(has bool, a int64, _ string, v int64) (int64, bool) {
			if !has {
				a = 7
			}
			return a ^ v, true
		}},
		{"aggregate records from", func(g grouped) table {
			// Merge and Subtract are kept for others: they show in no result.
			never := topology.Fold(func(a int64, r *topology.Record[string, int64]) int64 { return a - r.Value*int64(len(r.Key)) }).
				Merge(func(a, _ int64) int64 { panic("merged") }).
				Subtract(func(a int64, _ *topology.Record[string, int64]) int64 { panic("subtracted") })
			return g.AggregateRecords("agg", never.From(func() int64 { return 1000 }), text)
		}, func(has bool, a int64, key string, v int64) (int64, bool) {
			if !has {
				a = 1000
			}
			return a - v*int64(len(key)), true
		}},
		{"try aggregate records", func(g grouped) table {
			return g.AggregateRecords("agg", topology.TryFold(func(_ context.Context, a int64, r *topology.Record[string, int64]) (int64, error) {
				return a + r.Value*int64(len(r.Key)), nil
			}).From(func() int64 { return 5 }), text)
		}, func(has bool, a int64, key string, v int64) (int64, bool) {
			if !has {
				a = 5
			}
			return a + v*int64(len(key)), true
		}},
		{"aggregate records opt", func(g grouped) table {
			return g.AggregateRecords("agg", topology.FoldOpt(func(a topology.Opt[int64], r *topology.Record[string, int64]) topology.Opt[int64] {
				n := a.Value + r.Value + int64(len(r.Key))
				return topology.Opt[int64]{Value: n, OK: n%3 != 0}
			}), text)
		}, func(_ bool, a int64, key string, v int64) (int64, bool) {
			n := a + v + int64(len(key))
			if n%3 == 0 {
				return 0, false
			}
			return n, true
		}},
	}
	policies := map[string]func(table) table{
		"updates": table.Updates, "each": table.EachUpdate, "default": func(t table) table { return t },
	}
	for _, tt := range tests {
		for policy, emit := range policies {
			for _, budget := range []int64{0, 2000, 1 << 30} {
				for _, reads := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/%s/%d/%v", tt.name, policy, budget, reads), func(t *testing.T) {
						rnd := seeds.Rand(t)
						tp, s := numbers()
						out := emit(tt.build(s.GroupByKey())).ToStream()
						if reads { // somebody looks at keys and values
							out = out.MapRecords(func(r *topology.Record[string, int64]) topology.Record[string, int64] { return *r }).WithValueSerde(num())
						}
						out.To("out")
						r := newRig(t, tp)
						r.budget = budget
						check(t, r, rnd, newModel(tt.step), policy == "each")
					})
				}
			}
		}
	}
}

// check runs random transactions of records on r and the model.
func check(t *testing.T, r *rig, rnd *rand.Rand, m *model, each bool) {
	t.Helper()
	ref := int64(0)
	for range 40 {
		before := ref
		for range rnd.IntN(30) {
			key := strings.Repeat("k", 1+rnd.IntN(12))
			in := message{topic: "in", key: &key, value: ptr(strconv.Itoa(rnd.IntN(50))), ts: rnd.Int64N(1000)}
			if rnd.IntN(3) == 0 {
				in.headers = "h=" + strconv.Itoa(rnd.IntN(1000))
			}
			ref = max(ref, in.ts)
			r.in(in)
			m.add(key, int64(number(*in.value)), in.ts, ref, in.headers)
		}
		commit := rnd.IntN(4) != 0
		var updates, eachOnes []string
		if commit {
			r.commit()
			updates, eachOnes = m.end(true)
			if rnd.IntN(4) == 0 {
				r.restart()
			}
		} else {
			r.restart()
			updates, eachOnes = m.end(false)
			if updates != nil {
				updates = nil // never flushed
			}
			ref = before
			r.refs["in"] = ref
		}
		if each {
			r.want(eachOnes...)
		} else {
			r.want(updates...)
		}
		rows := make(map[string]string)
		for k, row := range m.committed {
			rows[k] = string(binary.BigEndian.AppendUint64(nil, uint64(row.ts))) + strconv.FormatInt(row.v, 10)
		}
		if got := r.rows("agg"); !maps.Equal(got, rows) {
			t.Errorf("store %q, want %q", got, rows)
		}
		if t.Failed() {
			return
		}
	}
}

// A function that fails leaves the accumulator as it was.
func TestTryAggregateFails(t *testing.T) {
	tp, s := numbers()
	s.GroupByKey().AggregateWith("agg", topology.TryFold(func(_ context.Context, a, v int64) (int64, error) {
		if v < 0 {
			return 99, errOops
		}
		return a + v, nil
	}), topology.ValueSerde(num())).ToStream().To("out")
	r := newRig(t, tp)
	r.skip = true
	r.in(msg("in", "a", "-1", 1), msg("in", "a", "2", 2), msg("in", "a", "-1", 3), msg("in", "b", "-1", 3))
	r.commit()
	r.want("out a:2 @2")
	if len(r.failures) != 3 || r.failures[0].node != "agg" {
		t.Errorf("failures %v", r.failures)
	}
}

// A value that cannot be encoded is reported once, at the commit, and the value before it counts
// again.
func TestEncodeErrorAtCommit(t *testing.T) {
	for _, budget := range []int64{0, 1 << 20} {
		tp, s := numbers()
		s.GroupByKey().Aggregate("agg", func(a, v int64) int64 { return a + v }, topology.ValueSerde[int64](picky{})).ToStream().To("out")
		r := newRig(t, tp)
		r.budget = budget
		r.in(msg("in", "a", "1", 1), msg("in", "b", "1", 1))
		r.commit()
		r.want("out a:1 @1", "out b:1 @1")
		r.skip = true
		r.in(msg("in", "a", "12", 2), msg("in", "b", "1", 2))
		r.commit()
		r.want("out b:2 @2")
		r.in(msg("in", "a", "1", 3))
		r.commit()
		r.want("out a:2 @3")
		if len(r.failures) != 1 || r.failures[0].node != "agg" || r.failures[0].o.Offset != 3 || !errors.Is(r.failures[0].err, errOops) {
			t.Errorf("failures %+v", r.failures)
		}
		r.skip = false
		r.in(msg("in", "a", "11", 3))
		if err := r.tryCommit(); !errors.Is(err, errOops) {
			t.Errorf("got %v", err)
		}
	}
}

// picky cannot write 13.
type picky struct{ decimal }

func (picky) Append(dst []byte, v int64) ([]byte, error) {
	if v == 13 {
		return nil, errOops
	}
	return strconv.AppendInt(dst, v, 10), nil
}

// A stored value that does not decode stops the task whatever the policy: it is no record's fault.
func TestStoredValueThatDoesNotDecode(t *testing.T) {
	tp, s := numbers()
	s.GroupByKey().Aggregate("agg", func(a, v int64) int64 { return a + v }, topology.ValueSerde(num())).ToStream().To("out")
	r := newRig(t, tp)
	r.skip = true
	r.reader("in", false).Store("agg").Put([]byte("a"), []byte("12345678no number"))
	r.reader("in", false).Store("agg").Put([]byte("b"), []byte("short"))
	for _, key := range []string{"a", "b"} {
		if err := r.try(msg("in", key, "1", 1)); err == nil || !strings.Contains(err.Error(), "store agg") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// bag is an accumulator that its function changes in place.
type bag struct{ Items []string }

func (b *bag) add(v string) *bag {
	if b == nil {
		b = new(bag)
	}
	b.Items = append(b.Items, v)
	slices.Sort(b.Items) // in place: whoever shares the memory sees it
	return b
}

// Accumulators that are changed in place: what was forwarded, joined or adopted by a reducer behind
// does not change any more.
func TestMutableAccumulators(t *testing.T) {
	for _, each := range []bool{false, true} {
		for _, budget := range []int64{0, 1 << 20} {
			tp, s := text()
			bags := s.GroupByKey().Aggregate("bags", (*bag).add)
			if each {
				bags = bags.EachUpdate()
			}
			var seen []*bag
			bags.ToStream().Peek(func(b *bag) { seen = append(seen, b) }).
				GroupByKey().Reduce("all", func(a, b *bag) *bag {
				a.Items = append(a.Items, b.Items...)
				a.Items[0] = "changed"
				return a
			}).ToStream().To("out")
			s.Join("j", bags, topology.Inner(func(_ string, b *bag) *bag { return b })).Peek(func(b *bag) { seen = append(seen, b) }).Discard()
			r := newRig(t, tp)
			r.budget = budget
			r.in(msg("in", "a", "c", 1))
			r.commit()
			r.in(msg("in", "a", "b", 2))
			r.commit()
			r.in(msg("in", "a", "a", 3))
			r.commit()
			r.want(
				`out a:{"Items":["c"]} @1`,
				`out a:{"Items":["changed","b","c"]} @2`,
				`out a:{"Items":["changed","b","c","a","b","c"]} @3`)
			// The join was declared after the aggregation, and has seen each update.
			want := []string{"c", "c", "b c", "b c", "a b c", "a b c"}
			var got []string
			for _, b := range seen {
				got = append(got, strings.Join(b.Items, " "))
			}
			if !slices.Equal(got, want) {
				t.Errorf("each %v, budget %d: seen %q, want %q", each, budget, got, want)
			}
		}
	}
}

// One value adopted by several reducers is not one value that all of them change.
func TestReducersDoNotShare(t *testing.T) {
	tp := topology.New("test")
	s := tp.Stream("in", serde.String(), serde.JSON[[]string]())
	join := func(a, b []string) []string { return append(a[:len(a):len(a)], b...) }
	mark := func(a, b []string) []string {
		a[0] += "!"
		return append(a, b...)
	}
	s.GroupByKey().Reduce("x", join).ToStream().To("x")
	s.GroupByKey().Reduce("y", mark).ToStream().To("y")
	r := newRig(t, tp)
	r.in(msg("in", "a", `["1"]`, 1), msg("in", "a", `["2"]`, 2))
	r.commit()
	r.want(`x a:["1","2"] @2`, `y a:["1!","2"] @2`)
}

// A table forwards each update or the latest at the commit; it stores bytes as they come.
func TestTables(t *testing.T) {
	for _, budget := range []int64{0, 1 << 20} {
		tp := topology.New("test")
		tb := tp.Table("in", serde.String(), serde.JSON[map[string]int]())
		tb.ToStream().To("out")
		r := newRig(t, tp)
		r.budget = budget
		noKey := msg("in", "", `{"a":1}`, 1)
		noKey.key = nil
		second := msg("in", "a", `{"a" :2}`, 1) // as it came, white space and all
		second.headers = "h=2"
		r.in(msg("in", "a", `{"a":1}`, 9), msg("in", "b", `{}`, 2), noKey, second, tombstone("in", "c", 4))
		r.want()
		if got := r.rows("in"); got["a"] != "\x00\x00\x00\x00\x00\x00\x00\x01"+`{"a" :2}` {
			t.Errorf("rows %q", got)
		}
		r.commit()
		r.want(`out b:{} @2 ref 9`, `out a:{"a" :2} @1 ref 9 {h=2}`, `out c:null @4 ref 9`)
		r.wantDrops(map[string]int{"in null-key": 1})
		r.in(tombstone("in", "a", 10), msg("in", "b", `{}`, 11))
		r.restart()
		r.in(msg("in", "b", `{"b":1}`, 12), tombstone("in", "b", 13))
		r.commit()
		r.want(`out b:null @13`)
		if got := slices.Collect(maps.Keys(r.rows("in"))); !slices.Equal(got, []string{"a"}) {
			t.Errorf("rows %q", got)
		}
	}
}

func TestTableEachUpdate(t *testing.T) {
	tp, s := text()
	s.MapValues(strings.ToUpper).ToTable("tb").EachUpdate().ToStream().To("out")
	r := newRig(t, tp)
	r.in(samples()...)
	r.commit()
	r.want("out a:A @1", "out b:BB @2 {h=1 i=2}", "out a:null @3", "out : @4", "out c:CCC @3 ref 5")
	r.wantDrops(map[string]int{"tb null-key": 1})
}

// Updates of one aggregation feed the next within one commit, across sub-topologies too.
func TestChainOfAggregations(t *testing.T) {
	tp, s := text()
	s.GroupByKey().Count("n").ToStream().MapValues(func(n int64) string { return strconv.FormatInt(n, 10) }).
		GroupBy("by-count", func(n string) string { return n }).Count("m").ToStream().
		MapValues(func(n int64) string { return strconv.FormatInt(n, 10) }).To("out")
	r := newRig(t, tp)
	for _, k := range []string{"a", "b", "a", "c", "a"} {
		r.in(msg("in", k, "", 1))
	}
	r.commit()
	r.want("out 1:2 @1", "out 3:1 @1")
	r.in(msg("in", "b", "", 1))
	r.commit()
	r.want("out 2:1 @1")
}
