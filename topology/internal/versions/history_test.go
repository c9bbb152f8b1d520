package versions

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/memstate"
	"github.com/kolkstream/kolk/topology/internal/cache"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/record"
)

// bench is a table over a database that counts what is read.
type bench struct {
	operator.Task
	state.DB
	t           *testing.T
	overlay     *state.Overlay
	stores      map[string]*state.Store
	clock       operator.Clock
	settled     int64
	keeps, span int64 // of the rule, and of segments
	table       *Table[string, string]
	scans, rows int
	dropped     int
}

func (b *bench) Store(name string) *state.Store              { return b.stores[name] }
func (b *bench) CacheBudget() int64                          { return 0 }
func (b *bench) Settled() int64                              { return b.settled }
func (b *bench) Drop(string, record.Reason, operator.Origin) { b.dropped++ }

// Scan counts scans, and the rows that they show.
func (b *bench) Scan(lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	b.scans++
	return b.DB.Scan(lo, hi, func(k, v []byte) (bool, error) {
		b.rows++
		return fn(k, v)
	})
}

func newBench(t *testing.T, keeps int64) *bench {
	db, err := memstate.New().Open("")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{DB: db, t: t, keeps: keeps, span: keeps, clock: operator.Clock(record.NoTime), settled: record.NoTime}
	b.reopen()
	return b
}

// reopen makes the table anew above what is in the database.
func (b *bench) reopen() {
	b.overlay = state.NewOverlay(b)
	b.stores = map[string]*state.Store{"t": b.overlay.Open(1), "h": b.overlay.Open(2)}
	h, err := NewHistory(b, "h", b.span)
	if err != nil {
		b.t.Fatal(err)
	}
	s := NewStore(cache.NewCache(b, "t", serde.String()), h, &ByClock{Clock: &b.clock, Keeps: b.keeps})
	b.table = NewTable(operator.Node{Name: "t", Task: b}, serde.String(), false, false, s, ops.Emission[string, string]{Emit: ops.EmitEach})
}

// save brings everything into the database.
func (b *bench) save() {
	b.overlay.Commit()
	batch := b.NewBatch()
	b.overlay.WriteTo(batch)
	if err := batch.Commit(); err != nil {
		b.t.Fatal(err)
	}
	b.overlay.Written()
}

// put is an update, or, without has, a deletion.
func (b *bench) put(key, value string, has bool, ts int64) {
	if err := b.table.Receive(&Record[string, string]{Key: key, Value: value, NoValue: !has, Timestamp: ts, Ref: ts}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) at(key string, ts int64) string {
	row, err := b.table.At([]byte(key), ts, ts)
	if err != nil {
		b.t.Fatal(err)
	}
	if !row.OK {
		return ""
	}
	return fmt.Sprintf("%s@%d", row.Value, row.Timestamp)
}

// count returns how many rows the history has.
func (b *bench) count() (n int) {
	err := b.stores["h"].Scan(nil, nil, func(_, _ []byte) (bool, error) {
		n++
		return true, nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// A table with a history against a list of all versions.
func TestTableAgainstList(t *testing.T) {
	rnd := seeds.Rand(t)
	for range 60 {
		b := newBench(t, []int64{0, 1, 7, 30, 200}[rnd.IntN(5)])
		type version struct {
			ts    int64
			value string
			has   bool
		}
		all := map[string][]version{} // by timestamp
		now := int64(-1)              // the largest timestamp
		keys := []string{"", "a", "ab", "a\x00", "b"}
		dropped := 0
		time := int64(0)
		for i := range 400 {
			time += rnd.Int64N(4)
			key, ts := keys[rnd.IntN(len(keys))], max(0, time-rnd.Int64N(1+rnd.Int64N(40)))
			if rnd.IntN(3) == 0 { // a look-up
				want := ""
				for j, v := range all[key] {
					if v.ts <= ts && (j == len(all[key])-1 || all[key][j+1].ts > ts) && v.has && (j == len(all[key])-1 || ts >= now-b.keeps) {
						want = fmt.Sprintf("%s@%d", v.value, v.ts)
					}
				}
				if got := b.at(key, ts); got != want {
					t.Fatalf("history of %d, %d updates: %q at %d is %s, want %s: %v", b.keeps, i, key, ts, got, want, all[key])
				}
				continue
			}
			v := version{ts, fmt.Sprint(i), rnd.IntN(4) > 0}
			b.put(key, v.value, v.has, ts)
			if now >= 0 && ts < now-b.keeps {
				dropped++
			} else {
				now = max(now, ts)
				at, found := slices.BinarySearchFunc(all[key], ts, func(v version, ts int64) int { return int(v.ts - ts) })
				if found {
					all[key][at] = v
				} else {
					all[key] = slices.Insert(all[key], at, v)
				}
			}
			switch rnd.IntN(20) {
			case 0:
				b.save()
			case 1:
				b.save()
				b.span = rnd.Int64N(100) // segments of another length
				b.reopen()
			}
		}
		if b.dropped != dropped {
			t.Fatalf("%d dropped, want %d", b.dropped, dropped)
		}
	}
}

// A look-up reads a row of each segment at most, an update a few, whatever there is; and what is
// too old goes.
func TestHistoryReadsWhatItTouches(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const keeps = 1000
	b := newBench(t, keeps)
	most := 0
	for ts := range int64(20_000) {
		b.put(fmt.Sprint(rnd.IntN(50)), "value", rnd.IntN(10) > 0, max(0, ts-rnd.Int64N(100)))
		if ts%100 == 0 {
			b.save()
			most = max(most, b.count())
		}
	}
	for i := range 50 {
		b.put(fmt.Sprint(i), "value", true, 20_000)
	}
	b.save()
	// Each of about 1,000 updates in the history has a row, and what expires waits for the half of
	// a history.
	if most > 2500 {
		t.Errorf("the history has had %d rows", most)
	}
	for _, c := range []struct {
		what        string
		do          func(i int64)
		scans, rows int
	}{
		{"a look-up of the latest", func(i int64) { b.at(fmt.Sprint(i%50), 21_000) }, 0, 0},
		{"a look-up in the history", func(i int64) { b.at(fmt.Sprint(i%50), 19_100+i) }, 4, 4},
		{"an update", func(i int64) { b.put(fmt.Sprint(i%50), "new", true, 20_000+i) }, 6, 2*goes + 4},
		{"an update that is out of order", func(i int64) { b.put(fmt.Sprint(i%50), "old", true, 19_500+i) }, 6, 2*goes + 4},
	} {
		for i := range int64(200) {
			b.save()
			b.scans, b.rows = 0, 0
			c.do(i)
			if b.scans > c.scans || b.rows > c.rows {
				t.Fatalf("%s, number %d: %d scans of %d rows, want %d of %d at most", c.what, i, b.scans, b.rows, c.scans, c.rows)
			}
		}
	}
	for ts := range int64(2000) { // other keys let them go
		b.put("z", "value", true, 30_000+10*ts)
	}
	b.save()
	if n := b.count(); n > 200 {
		t.Errorf("%d rows of the history are left, of about 100 that are not too old", n)
	}
}

// Rows have the bytes of docs/format/state.md.
func TestHistoryBytes(t *testing.T) {
	b := newBench(t, 3_600_000)
	b.put("ab", "x", true, 1_000_000)
	b.put("ab", "y", true, 2_000_000)
	b.put("ab", "", false, 2_000_000)
	b.put("c", "", false, 1_500_000)
	var got []string
	err := b.stores["h"].Scan(nil, nil, func(k, v []byte) (bool, error) {
		got = append(got, fmt.Sprintf("%x: %x", k, v))
		return true, nil
	})
	want := []string{
		"0000000000000000" + "01" + "63" + "000000000016e360: " + "000000000016e360" + "00",
		"00000000001b7740" + "02" + "6162" + "00000000001e8480: " + "00000000000f4240" + "01" + "78",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}
