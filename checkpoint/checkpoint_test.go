package checkpoint_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/memstate"
)

func identity() checkpoint.Identity {
	return checkpoint.Identity{Application: "flights", ClusterID: "cluster-1", Task: "state/3"}
}

func openDB(t *testing.T, e *memstate.Engine) state.DB {
	t.Helper()
	db, err := e.Open("d")
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func open(t *testing.T, db state.DB) *checkpoint.Checkpoint {
	t.Helper()
	c, err := checkpoint.Open(db, identity())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, db state.DB, c *checkpoint.Checkpoint, u checkpoint.Update) {
	t.Helper()
	b := db.NewBatch()
	if err := errors.Join(c.Write(b, u), b.Commit(), b.Close()); err != nil {
		t.Fatal(err)
	}
	c.Applied()
}

func set(t *testing.T, db state.DB, key, value string) {
	t.Helper()
	b := db.NewBatch()
	b.Set([]byte(key), []byte(value))
	if err := errors.Join(b.Commit(), b.Close()); err != nil {
		t.Fatal(err)
	}
}

var at = time.Date(2026, 11, 22, 12, 30, 0, 123e6, time.UTC)

func id(b byte) (id [16]byte) {
	for i := range id {
		id[i] = b + byte(i)
	}
	return id
}

// TestFormat fixes the bytes that docs/format/state.md describes.
func TestFormat(t *testing.T) {
	db := openDB(t, memstate.New())
	c := open(t, db)
	for _, name := range []string{"delays", "state-time", "delays"} {
		if _, err := c.Prefix(name); err != nil {
			t.Fatal(err)
		}
	}
	write(t, db, c, checkpoint.Update{
		Changelogs: map[string]checkpoint.TopicPosition{"delays": {TopicID: id(0xa0), Offset: 258}},
		Shapes:     map[string]string{"delays": "count key=string value=int64"},
		Inputs:     map[string]int64{"flights": 20000},
		Seq:        7,
		At:         at,
	})
	got := map[string]string{}
	if err := db.Scan(nil, nil, func(k, v []byte) (bool, error) {
		got[fmt.Sprintf("%q", k)] = fmt.Sprintf("% x", v)
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		`"\x00\x00i"`:           "01 07 66 6c 69 67 68 74 73 09 63 6c 75 73 74 65 72 2d 31 07 73 74 61 74 65 2f 33",
		`"\x00\x00sdelays"`:     "01 00 01",
		`"\x00\x00sstate-time"`: "01 00 02",
		`"\x00\x00ddelays"`:     "01 63 6f 75 6e 74 20 6b 65 79 3d 73 74 72 69 6e 67 20 76 61 6c 75 65 3d 69 6e 74 36 34",
		`"\x00\x00cdelays"`:     "01 a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 aa ab ac ad ae af 00 00 00 00 00 00 01 02",
		`"\x00\x00nflights"`:    "01 00 00 00 00 00 00 4e 20",
		`"\x00\x00t"`:           "01 00 00 00 00 00 00 00 07 00 00 01 a2 03 3c 19 bb",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestOpenAgain(t *testing.T) {
	e := memstate.New()
	db := openDB(t, e)
	c := open(t, db)
	if c.Seq() != 0 || !c.LastCommit().IsZero() || c.Identity() != identity() || len(c.Stores()) != 0 {
		t.Errorf("new: %d, %v, %v, %v", c.Seq(), c.LastCommit(), c.Identity(), c.Stores())
	}
	if _, ok := c.Changelog("s"); ok {
		t.Errorf("new: a changelog")
	}
	if _, ok := c.Input("t"); ok {
		t.Errorf("new: an input")
	}
	prefixes := map[string]uint16{}
	for _, name := range []string{"b", "a", "c"} {
		p, err := c.Prefix(name)
		if err != nil {
			t.Fatal(err)
		}
		prefixes[name] = p
	}
	if fmt.Sprint(prefixes) != "map[a:2 b:1 c:3]" {
		t.Errorf("prefixes %v", prefixes)
	}
	write(t, db, c, checkpoint.Update{Seq: 5, At: at, Inputs: map[string]int64{"t": 9}})
	// A restore knows no sequence; a commit of another store says nothing of this one.
	write(t, db, c, checkpoint.Update{Changelogs: map[string]checkpoint.TopicPosition{"a": {id(1), 11}}})
	write(t, db, c, checkpoint.Update{At: at.Add(time.Second)})
	for range 2 {
		for name, want := range prefixes {
			if p, err := c.Prefix(name); p != want || err != nil {
				t.Errorf("prefix of %s: %d, %v; want %d", name, p, err, want)
			}
		}
		if p, ok := c.Changelog("a"); !ok || p != (checkpoint.TopicPosition{TopicID: id(1), Offset: 11}) {
			t.Errorf("changelog: %v, %v", p, ok)
		}
		if n, ok := c.Input("t"); !ok || n != 9 {
			t.Errorf("input: %d, %v", n, ok)
		}
		if c.Seq() != 5 || !c.LastCommit().Equal(at.Add(time.Second)) {
			t.Errorf("seq %d at %v", c.Seq(), c.LastCommit())
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = openDB(t, e)
		c = open(t, db)
	}
	if p, err := c.Prefix("d"); p != 4 || err != nil {
		t.Errorf("next prefix: %d, %v", p, err)
	}
	if got := strings.Join(c.Stores(), " "); got != "a b c d" {
		t.Errorf("stores: %s", got)
	}
}

func TestNothingHappensBeforeApplied(t *testing.T) {
	db := openDB(t, memstate.New())
	c := open(t, db)
	b := db.NewBatch()
	if err := c.Write(b, checkpoint.Update{Seq: 1, At: at, Inputs: map[string]int64{"t": 1}}); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Input("t"); ok || c.Seq() != 0 {
		t.Errorf("a batch that was not committed has changed the checkpoint")
	}
	write(t, db, c, checkpoint.Update{Seq: 2})
	if _, ok := c.Input("t"); ok || c.Seq() != 2 {
		t.Errorf("seq %d", c.Seq())
	}
	if again := open(t, db); again.Seq() != 2 {
		t.Errorf("in the database: seq %d", again.Seq())
	}
}

func TestForeign(t *testing.T) {
	for _, change := range []func(*checkpoint.Identity){
		func(id *checkpoint.Identity) { id.Application = "other" },
		func(id *checkpoint.Identity) { id.ClusterID = "other" },
		func(id *checkpoint.Identity) { id.Task = "other" },
	} {
		db := openDB(t, memstate.New())
		open(t, db)
		want := identity()
		change(&want)
		_, err := checkpoint.Open(db, want)
		var foreign *checkpoint.IdentityError
		if !errors.As(err, &foreign) || foreign.Have != identity() || foreign.Want != want {
			t.Errorf("open as %v: %v", want, err)
		}
		for _, part := range []string{"flights", "cluster-1", "state/3", "other"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%v does not name %q", err, part)
			}
		}
	}
}

func TestMalformed(t *testing.T) {
	for _, test := range []struct {
		key, value string
		want       error
	}{
		{"\x00\x00i", "", state.ErrCorrupt},
		{"\x00\x00i", "\x01\x07flights", state.ErrCorrupt},
		{"\x00\x00i", "\x01\x07flights\x09cluster-1\x07state/3x", state.ErrCorrupt},
		{"\x00\x00i", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", state.ErrCorrupt},
		{"\x00\x00i", "\x02whatever", checkpoint.ErrVersion},
		{"\x00\x00sx", "\x01\x00", state.ErrCorrupt},
		{"\x00\x00sx", "\x01\x00\x00", state.ErrCorrupt},
		{"\x00\x00sx", "\x01\xff\xff", state.ErrCorrupt},
		{"\x00\x00sx", "\x01\x00\x01", state.ErrCorrupt}, // the one of "delays"
		{"\x00\x00cx", "\x01", state.ErrCorrupt},
		{"\x00\x00nx", "\x0112345678x", state.ErrCorrupt},
		{"\x00\x00t", "\x01", state.ErrCorrupt},
		{"\x00\x00t", "", state.ErrCorrupt},
		{"\x00\x00t", "\x02", checkpoint.ErrVersion},
		{"\x00\x00zfuture", "\x01", checkpoint.ErrVersion},
		{"\x00\x00", "\x01", state.ErrCorrupt},
	} {
		db := openDB(t, memstate.New())
		if _, err := open(t, db).Prefix("delays"); err != nil {
			t.Fatal(err)
		}
		set(t, db, test.key, test.value)
		if _, err := checkpoint.Open(db, identity()); !errors.Is(err, test.want) {
			t.Errorf("%q = %q: %v, want %v", test.key, test.value, err, test.want)
		}
	}
}

func TestDataWithoutIdentity(t *testing.T) {
	db := openDB(t, memstate.New())
	set(t, db, "\x00\x01k", "v")
	if _, err := checkpoint.Open(db, identity()); !errors.Is(err, state.ErrCorrupt) {
		t.Errorf("%v, want %v", err, state.ErrCorrupt)
	}
}

func TestLimits(t *testing.T) {
	db := openDB(t, memstate.New())
	c := open(t, db)
	long := strings.Repeat("x", 2000)
	for _, name := range []string{"", long} {
		if _, err := c.Prefix(name); err == nil {
			t.Errorf("a store with a name of %d bytes", len(name))
		}
		for _, u := range []checkpoint.Update{
			{Inputs: map[string]int64{name: 1}},
			{Changelogs: map[string]checkpoint.TopicPosition{name: {}}},
			{Inputs: map[string]int64{"t": -1}},
			{Changelogs: map[string]checkpoint.TopicPosition{"s": {Offset: -1}}},
		} {
			if err := c.Write(db.NewBatch(), u); err == nil {
				t.Errorf("%v was written", u)
			}
		}
	}
	if _, err := checkpoint.Open(openDB(t, memstate.New()), checkpoint.Identity{Task: strings.Repeat("x", 1<<16)}); err == nil {
		t.Errorf("an identity of 64 KiB")
	}
	// As if 65534 stores had come and gone.
	set(t, db, "\x00\x00slast", "\x01\xff\xfe")
	if _, err := open(t, db).Prefix("one-more"); err == nil {
		t.Errorf("prefix 65535 was given away")
	}
}

// TestCrashRandom: after each crash the data and the checkpoint are of one and the same earlier
// time.
func TestCrashRandom(t *testing.T) {
	r := seeds.Rand(t)
	e := memstate.New()
	db := openDB(t, e)
	c := open(t, db)
	for range 500 {
		switch n := r.IntN(10); {
		case n < 7:
			seq := c.Seq() + 1
			p, err := c.Prefix("count")
			if err != nil {
				t.Fatal(err)
			}
			b := db.NewBatch()
			b.Set([]byte{byte(p >> 8), byte(p)}, fmt.Append(nil, seq))
			u := checkpoint.Update{Seq: seq, Inputs: map[string]int64{"in": int64(seq) * 10}, Changelogs: map[string]checkpoint.TopicPosition{"count": {Offset: int64(seq)}}}
			if err := errors.Join(c.Write(b, u), b.Commit(), b.Close()); err != nil {
				t.Fatal(err)
			}
			c.Applied()
		case n < 8:
			if err := db.Flush(); err != nil {
				t.Fatal(err)
			}
		default:
			e.Crash()
			db = openDB(t, e)
			c = open(t, db)
			p, err := c.Prefix("count")
			if err != nil {
				t.Fatal(err)
			}
			count, _, err := db.Get(nil, []byte{byte(p >> 8), byte(p)})
			if err != nil {
				t.Fatal(err)
			}
			in, _ := c.Input("in")
			log, _ := c.Changelog("count")
			if want := c.Seq(); want > 0 && string(count) != fmt.Sprint(want) || in != int64(want)*10 || log.Offset != int64(want) {
				t.Fatalf("seq %d, count %s, input %d, changelog %d", want, count, in, log.Offset)
			}
		}
	}
}
