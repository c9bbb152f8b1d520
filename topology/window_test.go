package topology_test

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology"
)

// windowModel is the reference for windowed sums: all windows are tried for each record.
type windowModel struct {
	size, advance, grace int64
	windowState
	saved windowState
	// Of the open transaction.
	order []windowKey
	last  map[windowKey]string
	out   []string // at once: each-update and final
	drops map[string]int
	// tallies are pairs of record and window.
	tallies map[string]int
	emit    string
}

type windowState struct {
	now, ref int64
	rows     map[windowKey]modelRow
}

type windowKey struct {
	start int64
	key   string
}

func (s windowState) copy() windowState {
	s.rows = maps.Clone(s.rows)
	return s
}

func (m *windowModel) line(k windowKey, row modelRow, ref int64, headers string) string {
	return message{topic: "out", key: ptr(fmt.Sprintf("%s[%d,%d)", k.key, k.start, k.start+m.size)), value: ptr(strconv.FormatInt(row.v, 10)), ts: row.ts, ref: ref, headers: headers}.String()
}

func (m *windowModel) add(key string, v, ts int64, headers string) {
	m.ref = max(m.ref, ts)
	late, closed, taken := 0, 0, false
	for start := int64(0); start <= ts; start += m.advance {
		if ts >= start+m.size {
			continue
		}
		switch closes := start + m.size + m.grace; {
		case m.ref >= closes:
			late++
		case m.now >= closes:
			closed++
		default:
			taken = true
			k := windowKey{start, key}
			row, ok := m.rows[k]
			row.v += v
			if !ok || ts > row.ts {
				row.ts = ts
			}
			m.rows[k] = row
			l := m.line(k, row, max(m.ref, row.ts), headers)
			if m.emit == "each-update" {
				m.out = append(m.out, l)
			}
			m.last[k] = l
			if i := slices.Index(m.order, k); i >= 0 {
				m.order = slices.Delete(m.order, i, i+1)
			}
			m.order = append(m.order, k)
		}
	}
	m.tallies["agg late-windows"] += late
	m.tallies["agg closed-windows"] += closed
	switch {
	case taken:
	case late > 0:
		m.drops["agg late"]++
	case closed > 0:
		m.drops["agg window-closed"]++
	}
	m.advanceTo(m.ref)
}

func (m *windowModel) advanceTo(now int64) {
	m.now = max(m.now, now)
	var gone []windowKey
	for k := range m.rows {
		if k.start+m.size+m.grace <= m.now {
			gone = append(gone, k)
		}
	}
	slices.SortFunc(gone, func(a, b windowKey) int { return cmp.Or(cmp.Compare(a.start, b.start), strings.Compare(a.key, b.key)) })
	for _, k := range gone {
		if m.emit == "final" {
			m.out = append(m.out, m.line(k, m.rows[k], m.rows[k].ts, ""))
		}
		delete(m.rows, k)
	}
}

func (m *windowModel) end(commit bool) []string {
	out := m.out
	if m.emit == "updates" && commit {
		for _, k := range m.order {
			out = append(out, m.last[k])
		}
	}
	m.order, m.out = nil, nil
	clear(m.last)
	if commit {
		m.saved = m.windowState.copy()
	} else {
		m.windowState = m.saved.copy()
	}
	return out
}

func (m *windowModel) stored() map[string]string {
	rows := make(map[string]string)
	for k, row := range m.rows {
		rows[string(binary.BigEndian.AppendUint64(nil, uint64(k.start)))+k.key] =
			string(binary.BigEndian.AppendUint64(nil, uint64(row.ts))) + strconv.FormatInt(row.v, 10)
	}
	return rows
}

// Random windows, records, idleness, commits, aborts, restarts and cache sizes against brute force.
func TestWindows(t *testing.T) {
	rnd := seeds.Rand(t)
	for i := range 400 {
		m := &windowModel{
			size: 1 + rnd.Int64N(100), grace: rnd.Int64N(2) * rnd.Int64N(150), last: map[windowKey]string{}, drops: map[string]int{}, tallies: map[string]int{},
			windowState: windowState{now: topology.NoTime, rows: map[windowKey]modelRow{}},
			emit:        []string{"updates", "each-update", "final"}[i%3],
		}
		m.saved = m.windowState.copy()
		w := topology.Tumbling(time.Duration(m.size) * time.Millisecond)
		m.advance = m.size
		if rnd.IntN(2) == 0 {
			m.advance = 1 + rnd.Int64N(m.size)
			w = topology.Hopping(time.Duration(m.size)*time.Millisecond, time.Duration(m.advance)*time.Millisecond)
		}
		w = w.Grace(time.Duration(m.grace) * time.Millisecond)
		tp, s := numbers()
		agg := s.GroupByKey().Window(w).Reduce("agg", func(a, v int64) int64 { return a + v })
		switch m.emit {
		case "each-update":
			agg = agg.EachUpdate()
		case "final":
			agg = agg.Final()
		}
		agg.Stream(func(w topology.Window, k string) string { return fmt.Sprintf("%s[%d,%d)", k, w.Start, w.End) }).To("out")
		r := newRig(t, tp)
		r.budget = []int64{0, 3000, 1 << 30}[rnd.IntN(3)]
		if !checkWindows(r, rnd, m) {
			t.Fatalf("run %d: size %d, advance %d, grace %d, %s, budget %d", i, m.size, m.advance, m.grace, m.emit, r.budget)
		}
	}
}

func checkWindows(r *rig, rnd *rand.Rand, m *windowModel) bool {
	r.t.Helper()
	for range 20 {
		at := max(m.ref, 0)
		dropped := maps.Clone(r.drops)
		modelDropped := maps.Clone(m.drops)
		tallied, modelTallied := r.tallied(), maps.Clone(m.tallies)
		for range rnd.IntN(20) {
			if rnd.IntN(30) == 0 { // everybody else is idle
				at := m.ref + rnd.Int64N(200)
				r.advance(at)
				m.advanceTo(at)
				continue
			}
			key := string(rune('a' + rnd.IntN(4)))
			in := message{topic: "in", key: &key, value: ptr(strconv.Itoa(rnd.IntN(9))), ts: max(0, m.ref+rnd.Int64N(150)-100)}
			if rnd.IntN(5) == 0 {
				in.headers = "h=" + strconv.Itoa(rnd.IntN(1000))
			}
			r.in(in)
			m.add(key, int64(number(*in.value)), in.ts, in.headers)
		}
		commit := rnd.IntN(5) != 0
		var want []string
		if commit {
			r.commit()
			want = m.end(true)
		} else {
			r.restart()
			r.refs["in"] = at
			want = m.end(false)
			if m.emit != "each-update" && m.emit != "final" {
				want = nil
			}
			r.drops, m.drops = dropped, modelDropped
			r.tally(tallied)
			m.tallies = modelTallied
		}
		r.want(want...)
		if got, want := r.rows("agg"), m.stored(); !maps.Equal(got, want) {
			r.t.Errorf("store %q, want %q", got, want)
		}
		r.wantDrops(m.drops)
		maps.DeleteFunc(m.tallies, func(_ string, n int) bool { return n == 0 })
		if got := r.tallied(); !maps.Equal(got, m.tallies) {
			r.t.Errorf("counted %v, want %v", got, m.tallies)
		}
		if r.t.Failed() {
			return false
		}
		if commit && rnd.IntN(4) == 0 {
			r.restart()
		}
	}
	return true
}

// What Final promises: timestamp of the largest record, no headers, ref and order; nothing twice.
func TestFinal(t *testing.T) {
	tp, s := numbers()
	s.GroupByKey().Window(topology.Tumbling(10 * time.Millisecond)).Count("agg").Final().
		StreamRecords(func(w topology.Window, k string, n int64) (string, int64) {
			return k + "@" + w.StartTime().Format("05.000") + "-" + w.EndTime().Format("05.000"), n
		}).WithValueSerde(num()).To("out")
	r := newRig(t, tp)
	a := msg("in", "b", "1", 1)
	a.headers = "h=1"
	r.in(a, msg("in", "c", "1", 9), msg("in", "a", "1", 4), msg("in", "b", "1", 3))
	r.commit()
	r.want()
	r.restart()
	r.in(msg("in", "b", "1", 2), msg("in", "d", "1", 19))
	r.want("out a@00.000-00.010:1 @4", "out b@00.000-00.010:3 @3", "out c@00.000-00.010:1 @9")
	r.commit()
	r.want()
	r.in(msg("in", "a", "1", 8)) // late
	r.wantDrops(map[string]int{"agg late": 1})
	r.advance(topology.EndOfTime)
	r.want("out d@00.010-00.020:1 @19")
	r.commit()
	r.want()
	if rows := r.rows("agg"); len(rows) != 0 {
		t.Errorf("left: %q", rows)
	}
}

// A window that closed in the transaction that is known to be committed is not emitted again by a
// restarted task.
func TestFinalPurgesWhatHasClosed(t *testing.T) {
	tp, s := numbers()
	s.GroupByKey().Window(topology.Tumbling(10 * time.Millisecond)).Count("agg").Final().Stream(func(_ topology.Window, k string) string { return k }).WithValueSerde(num()).To("out")
	r := newRig(t, tp)
	r.in(msg("in", "a", "1", 1), msg("in", "b", "1", 12))
	r.take()
	r.commit()
	task := r.reader("in", false)
	// As a changelog would restore it: the closed window is still there.
	b := task.db.NewBatch()
	b.Set([]byte("\x00\x01"+"\x00\x00\x00\x00\x00\x00\x00\x00"+"a"), []byte("\x00\x00\x00\x00\x00\x00\x00\x01"+"\x00\x00\x00\x00\x00\x00\x00\x01"))
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	r.restart()
	if rows := r.rows("agg"); len(rows) != 1 {
		t.Errorf("rows %q", rows)
	}
	r.in(msg("in", "c", "1", 25))
	r.want("out b:1 @12")
}

// Windows that the end of a bounded run has closed stay closed.
func TestClosedThrough(t *testing.T) {
	tp, s := numbers()
	s.GroupByKey().Window(topology.Tumbling(10 * time.Millisecond)).Count("agg").Final().Stream(func(_ topology.Window, k string) string { return k }).WithValueSerde(num()).To("out")
	r := newRig(t, tp)
	task := r.reader("in", false)
	task.closed = 13
	r.restart()
	r.in(msg("in", "a", "1", 15), msg("in", "b", "1", 21))
	r.advance(topology.EndOfTime)
	r.want("out b:1 @21")
	r.wantDrops(map[string]int{"agg window-closed": 1})
}

// A final result of a window goes through a repartition topic and is in time for the window behind
// it.
func TestWindowsInARow(t *testing.T) {
	tp, s := numbers()
	s.GroupByKey().Window(topology.Tumbling(10*time.Millisecond)).Count("inner").Final().
		StreamRecords(func(w topology.Window, k string, n int64) (string, int64) { return "all", n }).
		Repartition("again").GroupByKey().Window(topology.Tumbling(100*time.Millisecond)).Reduce("outer", func(a, b int64) int64 { return a + b }).Final().
		Stream(func(w topology.Window, k string) string { return strconv.FormatInt(w.Start, 10) }).WithValueSerde(num()).To("out")
	r := newRig(t, tp)
	for _, rp := range r.plan.ForRuntime(flow.Key{}).Repartitions {
		if rp.Name != "again" || len(rp.Writers) != 1 || rp.Writers[0] != (flow.Writer{SubTopology: "in", Delay: 10 * time.Millisecond}) {
			t.Errorf("%+v", rp)
		}
	}
	for ts := range int64(400) {
		r.in(msg("in", string(rune('a'+ts%5)), "1", ts))
	}
	r.advance(math.MaxInt64)
	r.want("out 0:100 @99", "out 100:100 @199", "out 200:100 @299", "out 300:100 @399")
}

// A windowed aggregate that deletes: updates show a tombstone, final results nothing.
func TestWindowedDelete(t *testing.T) {
	for _, final := range []bool{false, true} {
		tp, s := numbers()
		agg := s.GroupByKey().Window(topology.Tumbling(10*time.Millisecond)).AggregateWith("agg", topology.FoldOpt(func(_ topology.Opt[int64], v int64) topology.Opt[int64] {
			return topology.Opt[int64]{Value: v, OK: v != 0}
		}), topology.ValueSerde(num()))
		if final {
			agg = agg.Final()
		}
		agg.Stream(func(_ topology.Window, k string) string { return k }).To("out")
		agg.StreamRecords(func(_ topology.Window, k string, v int64) (string, int64) { return k, v }).To("records")
		r := newRig(t, tp)
		r.in(msg("in", "a", "1", 1), msg("in", "b", "1", 2), msg("in", "a", "0", 3))
		r.commit()
		if final {
			r.advance(10)
			r.want("out b:1 @2", "records b:1 @2")
			r.wantDrops(nil)
		} else {
			r.want("out b:1 @2", "records b:1 @2", "out a:null @3")
			r.wantDrops(map[string]int{"stream-windows-2 null-value": 1})
		}
	}
}

// Windowed accumulators that are changed in place belong to one window each.
func TestMutableWindows(t *testing.T) {
	tp := topology.New("test")
	s := tp.Stream("in", serde.String(), serde.JSON[[]int]())
	s.GroupByKey().Window(topology.Hopping(10*time.Millisecond, 5*time.Millisecond)).
		Reduce("agg", func(a, b []int) []int {
			a[0] += b[0]
			return a
		}).EachUpdate().Stream(func(w topology.Window, k string) string { return strconv.FormatInt(w.Start, 10) }).To("out")
	r := newRig(t, tp)
	r.in(msg("in", "a", "[1]", 7), msg("in", "a", "[2]", 12), msg("in", "a", "[4]", 8))
	r.want("out 0:[1] @7", "out 5:[1] @7", "out 5:[3] @12", "out 10:[2] @12", "out 5:[7] @12")
	r.wantDrops(nil) // the record that was late for one window counts in the other
	if got := r.tallied(); len(got) != 1 || got["agg late-windows"] != 1 {
		t.Errorf("counted %v", got)
	}
}

// Timestamps at the ends of what there is neither hang nor count for a wrong window: those out of
// range are errors of their records.
func TestWindowsAtTheEndsOfTime(t *testing.T) {
	for _, w := range []topology.Windows{topology.Tumbling(10 * time.Millisecond), topology.Hopping(10*time.Millisecond, 3*time.Millisecond)} {
		tp, s := numbers()
		s.MapRecords(func(r *topology.Record[string, int64]) topology.Record[string, int64] {
			out := r.With(r.Key, r.Value)
			out.Timestamp = r.Value
			return out
		}).Repartition("r").GroupByKey().Window(w.Grace(time.Second)).Count("agg").EachUpdate().Stream(func(w topology.Window, k string) string { return strconv.FormatInt(w.Start, 10) }).WithValueSerde(num()).To("out")
		r := newRig(t, tp)
		r.frozen, r.skip = true, true
		for _, ts := range []int64{math.MinInt64, -1, 0, topology.MaxTime + 1, math.MaxInt64 - 1005, math.MaxInt64} {
			r.in(msg("in", "k", strconv.FormatInt(ts, 10), 0))
		}
		r.want("out 0:1 @0")
		if len(r.failures) != 5 {
			t.Errorf("%+v: failures %v", w, r.failures)
		}
		for _, f := range r.failures {
			if !errors.Is(f.err, topology.ErrTime) || f.node != "map-records-1" {
				t.Errorf("%+v: failure %+v", w, f)
			}
		}
		r.in(msg("in", "k", strconv.FormatInt(topology.MaxTime, 10), 0))
		if got := r.take(); len(got) == 0 || got[0].ts != topology.MaxTime {
			t.Errorf("%+v: at the end %v", w, got)
		}
		r.wantDrops(nil)
	}
}

// Updates that are held back until the commit come in time for windows behind them in the same
// task, however far time went meanwhile: where the commits lie decides how many updates there are,
// and not which records count.
func TestWindowsBehindUpdates(t *testing.T) {
	for _, final := range []bool{true, false} {
		tp, s := numbers()
		agg := s.GroupByKey().Aggregate("last", func(_, v int64) int64 { return v }, topology.ValueSerde(num())).ToStream().
			GroupByKey().Window(topology.Tumbling(10*time.Millisecond)).Reduce("agg", func(a, v int64) int64 { return a + v })
		if final {
			agg = agg.Final()
		}
		agg.Stream(func(w topology.Window, k string) string { return k + strconv.FormatInt(w.Start, 10) }).To("out")
		r := newRig(t, tp)
		r.in(msg("in", "a", "1", 1), msg("in", "b", "2", 2), msg("in", "c", "3", 50))
		r.want()
		r.commit()
		if final {
			r.want("out a0:1 @1", "out b0:2 @2")
		} else {
			r.want("out a0:1 @1", "out b0:2 @2", "out c50:3 @50")
		}
		r.in(msg("in", "c", "4", 55), msg("in", "d", "5", 100))
		r.restart()
		r.refs["in"] = 50
		r.in(msg("in", "c", "5", 56), msg("in", "d", "6", 101))
		r.commit()
		if final {
			r.want("out c50:8 @56")
		} else {
			r.want("out c50:8 @56", "out d100:6 @101")
		}
		r.advance(topology.EndOfTime)
		r.commit()
		if final {
			r.want("out d100:6 @101")
		}
		r.wantDrops(nil)
		if rows := r.rows("agg"); len(rows) != 0 {
			t.Errorf("left: %q", rows)
		}
	}
}

// readCounter counts what a store is asked for by key.
type readCounter struct {
	state.DB
	gets int
}

func (c *readCounter) Get(dst, key []byte) ([]byte, bool, error) {
	c.gets++
	return c.DB.Get(dst, key)
}

// The store is asked for a key only if it may have it: not if the window has begun with this task
// and lost nothing since, but after a restart, an abort, and once a key has left the cache.
func TestWindowReads(t *testing.T) {
	for _, emit := range []string{"updates", "each-update", "final"} {
		t.Run(emit, func(t *testing.T) {
			tp, s := numbers()
			agg := s.GroupByKey().Window(topology.Tumbling(10 * time.Millisecond).Grace(10 * time.Millisecond)).Count("agg")
			switch emit {
			case "each-update":
				agg = agg.EachUpdate()
			case "final":
				agg = agg.Final()
			}
			agg.Stream(func(w topology.Window, k string) string { return k + "@" + strconv.FormatInt(w.Start, 10) }).WithValueSerde(num()).To("out")
			r := newRig(t, tp)
			k := r.reader("in", false)
			db := &readCounter{DB: k.db}
			k.db = db
			r.restart()
			in := func(reads int, keys ...string) {
				t.Helper()
				before := db.gets
				for _, key := range keys {
					key, at, _ := strings.Cut(key, "@")
					r.in(msg("in", key, "1", int64(number(at))))
				}
				if n := db.gets - before; n != reads {
					t.Errorf("%d reads for %v, want %d", n, keys, reads)
				}
			}
			count := func(key string, start, want int64) {
				t.Helper()
				k.flush()
				row := r.rows("agg")[string(binary.BigEndian.AppendUint64(nil, uint64(start)))+key]
				if len(row) != 16 || binary.BigEndian.Uint64([]byte(row[8:])) != uint64(want) {
					t.Errorf("%s in the window of %d: %x, want %d", key, start, row, want)
				}
			}
			in(0, "a@1", "b@2", "a@3", "a@11", "b@4") // new windows
			r.commit()
			in(0, "a@5", "c@6", "a@12") // and still the same ones
			count("a", 0, 3)
			r.commit()

			r.restart() // the store has what the cache has not
			in(3, "a@7", "a@8", "d@9", "b@13")
			count("a", 0, 4+1)
			count("b", 10, 1)
			in(0, "a@21", "d@21") // opened since
			r.commit()

			in(0, "e@21", "a@22")
			r.restart() // an abort
			in(2, "a@23", "e@24")
			count("a", 20, 2)
			count("e", 20, 1)

			in(0, "a@31", "b@32")
			r.budget = 0 // all leave but the last one
			in(0, "c@33")
			r.budget = 1 << 20
			in(1, "a@34", "d@35", "c@36") // d, which nobody has
			count("a", 30, 2)
			count("c", 30, 2)
		})
	}
}
