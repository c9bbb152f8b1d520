package joins

import (
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"slices"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/memstate"
)

// counter is a database that counts what is read, and a buffer over it.
type counter struct {
	state.DB
	t                 *testing.T
	overlay           *state.Overlay
	store             *state.Store
	buffer            buffer
	log               prefixed // what the changelog has since the last save
	width, budget     int64
	scans, rows, gets int
}

func newCounter(t *testing.T, width, budget int64) *counter {
	db, err := memstate.New().Open("")
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{DB: db, t: t, width: width, budget: budget}
	c.reopen()
	return c
}

func (c *counter) Scan(lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	c.scans++
	return c.DB.Scan(lo, hi, func(k, v []byte) (bool, error) {
		c.rows++
		return fn(k, v)
	})
}

func (c *counter) Get(dst, key []byte) ([]byte, bool, error) {
	c.gets++
	return c.DB.Get(dst, key)
}

// prefixed is a batch whose keys get the prefix of the store.
type prefixed struct{ state.Batch }

func (c *counter) prefixed() prefixed { return prefixed{c.NewBatch()} }

func (b prefixed) Set(key, value []byte) { b.Batch.Set(append([]byte{0, 1}, key...), value) }

// reopen makes the buffer anew above what is in the database.
func (c *counter) reopen() {
	c.overlay = state.NewOverlay(c)
	c.store = c.overlay.Open(1)
	c.log = c.prefixed()
	c.begin()
}

// begin makes a buffer above what is there.
func (c *counter) begin() {
	c.buffer = buffer{}
	if err := c.buffer.open("side", c.store, c.width, maphash.MakeSeed(), func() int64 { return c.budget }); err != nil {
		c.t.Fatal(err)
	}
}

// commit commits, and notes what goes to the changelog.
func (c *counter) commit() {
	if err := c.store.Changes(func(_ int, key, value []byte, deleted bool) error {
		if deleted {
			return fmt.Errorf("%x is deleted", key)
		}
		c.log.Set(key, value)
		return nil
	}); err != nil {
		c.t.Fatal(err)
	}
	c.overlay.Commit()
}

// abort takes back what was done since the last commit.
func (c *counter) abort() {
	c.overlay.Reset()
	c.begin()
}

// restore brings what the changelog has since the last save into the database.
func (c *counter) restore() {
	if err := c.log.Commit(); err != nil {
		c.t.Fatal(err)
	}
}

// save brings everything into the database.
func (c *counter) save() { c.write(false); c.log = c.prefixed() }

// write commits, and brings to the database what is committed, without what is kept if that is to
// be late.
func (c *counter) write(late bool) {
	c.commit()
	c.store.Late(late)
	batch := c.NewBatch()
	c.overlay.WriteTo(batch)
	if err := batch.Commit(); err != nil {
		c.t.Fatal(err)
	}
	c.overlay.Written()
}

func (c *counter) add(key string, ts int64, value string) {
	c.t.Helper()
	if _, _, err := c.buffer.add(c.buffer.hash([]byte(key)), []byte(key), ts, ts, []byte(value)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *counter) find(key string, lo, hi int64) (found []string) {
	c.t.Helper()
	err := c.buffer.each(c.buffer.hash([]byte(key)), []byte(key), lo, hi, func(m *match) error {
		found = append(found, fmt.Sprintf("%d/%d=%s", m.ts, m.number, m.value))
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return found
}

// The rows of a buffer, as docs/format/state.md has them.
func TestBufferBytes(t *testing.T) {
	c := newCounter(t, 1000, 0)
	c.add("k", 2500, "v")
	c.add("k", 2500, "")
	var got []string
	if err := c.store.Scan(nil, nil, func(k, v []byte) (bool, error) {
		got = append(got, hex.EncodeToString(k)+" "+hex.EncodeToString(v))
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"00000000000007d0" + "6b" + "00000000000009c4" + "00000000" + " " + "00000000000009c4" + "76",
		"00000000000007d0" + "6b" + "00000000000009c4" + "00000001" + " " + "00000000000009c4",
	}
	if !slices.Equal(got, want) {
		t.Errorf("rows\n%q, want\n%q", got, want)
	}
}

// What is in memory is found without the database; what is not, by one scan for each of at most two
// segments, which sees the rows of the key alone, however many others there are.
func TestBufferReads(t *testing.T) {
	const n, keys, width = 20_000, 500, 1000
	for _, tt := range []struct {
		budget      int64
		scans, rows int
	}{{1 << 30, 0, 0}, {0, 2, n / keys / 10}} {
		c := newCounter(t, width, tt.budget)
		for i := range n {
			c.add(fmt.Sprintf("key-%d", i%keys), int64(i), "v")
		}
		c.save()
		c.scans, c.rows, c.gets = 0, 0, 0
		for _, at := range []int64{1000, 4600, 9999, 19_000} {
			if got := c.find("key-7", at-499, at+500); len(got) != 2 {
				t.Errorf("at %d: %v", at, got)
			}
		}
		if c.scans > 4*tt.scans || c.rows > 4*tt.rows || c.gets > 0 {
			t.Errorf("a budget of %d: %d scans with %d rows, and %d reads", tt.budget, c.scans, c.rows, c.gets)
		}
		if c.find("nobody", 0, 999); c.scans > 5*tt.scans {
			t.Errorf("a budget of %d: %d scans", tt.budget, c.scans)
		}
	}
}

// A buffer has what a list has, in memory or not, and after it was opened again.
func TestBuffer(t *testing.T) {
	type row struct {
		key    string
		ts     int64
		number uint32
		value  string
	}
	r := seeds.Rand(t)
	for range 60 {
		c := newCounter(t, 1000+r.Int64N(3000), []int64{0, 20_000, 100_000, 1 << 30}[r.IntN(4)])
		var all, committed []row
		before, now, was := int64(0), int64(0), int64(0)
		commit := func(how func()) {
			how()
			committed, was = slices.Clone(all), before
		}
		for i := range 600 {
			switch n := r.IntN(100); {
			case n < 70:
				now += r.Int64N(100)
				k, ts := fmt.Sprint("k", r.IntN(8)), max(before, now-r.Int64N(3000))
				if r.IntN(3) == 0 && len(all) > 0 {
					ts = max(before, all[len(all)-1].ts)
				}
				number := uint32(0)
				for _, o := range all {
					if o.key == k && o.ts == ts {
						number++
					}
				}
				all = append(all, row{k, ts, number, fmt.Sprint(i)})
				c.add(k, ts, fmt.Sprint(i))
			case n < 90:
				k, lo := fmt.Sprint("k", r.IntN(9)), max(before, now-r.Int64N(8000))
				hi := lo + r.Int64N(c.width)
				var want []string
				slices.SortStableFunc(all, func(a, b row) int { return int(a.ts - b.ts) })
				for _, o := range all {
					if o.key == k && lo <= o.ts && o.ts <= hi {
						want = append(want, fmt.Sprintf("%d/%d=%s", o.ts, o.number, o.value))
					}
				}
				if got := c.find(k, lo, hi); !slices.Equal(got, want) {
					t.Fatalf("%s from %d to %d, width %d: %v, want %v", k, lo, hi, c.width, got, want)
				}
			case n < 94:
				before = max(before, now-r.Int64N(9000))
				c.buffer.expire(before)
				all = slices.DeleteFunc(all, func(o row) bool { return o.ts < before })
			case n < 95:
				commit(c.save)
			case n < 96:
				commit(func() { c.write(true) })
			case n < 97:
				commit(c.commit)
			case n < 98:
				all, before = slices.Clone(committed), was
				c.abort()
			case n < 99:
				commit(c.save)
				c.reopen()
			default: // a crash
				all, before = slices.Clone(committed), was
				c.restore()
				c.reopen()
				c.buffer.expire(before)
			}
		}
		c.buffer.expire(now + 2*c.width)
		c.save()
		c.reopen()
		c.scans, c.rows = 0, 0
		if c.find("k1", 0, now); c.rows > 0 {
			t.Fatalf("%d rows stay behind", c.rows)
		}
		if err := c.DB.Scan(nil, nil, func(k, _ []byte) (bool, error) { return false, fmt.Errorf("%x stays behind", k) }); err != nil {
			t.Fatal(err)
		}
	}
}
