package topology_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// storesTopology has one store of each kind that knows time. A value is a command:
//
//	put START, get START, del START, fetch FROM TO, all FROM TO        of windows
//	sput START END, sget START END, sdel START END, sfetch, sall       of sessions
//	vput AT, vget, vof AT, vdel AT                                     of versions
//
// The record's timestamp is stored, and what is found is forwarded.
func storesTopology(opts ...topology.Option) *topology.Topology {
	tp := topology.New("test", opts...)
	windows := tp.WindowStore("w", serde.String(), num(), 100*time.Millisecond)
	sessions := tp.SessionStore("s", serde.String(), num(), 100*time.Millisecond)
	versions := tp.VersionedStore("v", serde.String(), num(), 100*time.Millisecond)
	tp.Stream("in", serde.String(), serde.String()).ProcessFunc("p", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
		w, s, v := windows.Open(c), sessions.Open(c), versions.Open(c)
		found := []string{}
		window := func(start, v int64) bool { found = append(found, fmt.Sprintf("%d=%d", start, v)); return true }
		ofAll := func(start int64, k string, v int64) bool {
			found = append(found, fmt.Sprintf("%s %d=%d", k, start, v))
			return true
		}
		session := func(s topology.Window, v int64) bool {
			found = append(found, fmt.Sprintf("%d-%d=%d", s.Start, s.End, v))
			return true
		}
		one := func(v int64, since int64, ok bool, err error) error {
			if ok {
				window(since, v)
			}
			return err
		}
		args := strings.Fields(r.Value)
		at := func(i int) int64 { return int64(number(args[i])) }
		span := func() topology.Window { return topology.Window{Start: at(1), End: at(2)} }
		var err error
		switch args[0] {
		case "put":
			return w.Put(r.Key, at(1), r.Timestamp)
		case "del":
			return w.Delete(r.Key, at(1))
		case "get":
			n, ok, e := w.Get(r.Key, at(1))
			err = one(n, at(1), ok, e)
		case "fetch":
			err = w.Fetch(r.Key, at(1), at(2), window)
		case "all":
			err = w.FetchAll(at(1), at(2), ofAll)
		case "sput":
			return s.Put(r.Key, span(), r.Timestamp)
		case "sdel":
			return s.Delete(r.Key, span())
		case "sget":
			n, ok, e := s.Get(r.Key, span())
			err = one(n, at(1), ok, e)
		case "sfetch":
			err = s.Fetch(r.Key, at(1), at(2), session)
		case "sall":
			err = s.FetchAll(at(1), at(2), func(w topology.Window, k string, v int64) bool { return ofAll(w.Start, k, v) })
		case "vput":
			return v.Put(r.Key, at(1), r.Timestamp)
		case "vdel":
			return v.Delete(r.Key, at(1))
		case "vget":
			err = one(v.Get(r.Key))
		case "vof":
			err = one(v.GetAsOf(r.Key, at(1)))
		}
		c.Forward(r.With(r.Key, strings.Join(found, " ")))
		return err
	}, windows, sessions, versions).To("out")
	return tp
}

// script runs lines of "TIME KEY COMMAND [-> what comes out]"; "commit" and "restart" are lines
// too.
func script(t *testing.T, r *rig, text string) {
	t.Helper()
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimSpace(line)
		switch line {
		case "commit":
			r.commit()
			continue
		case "restart":
			r.restart()
			continue
		}
		what, want, shows := strings.Cut(line, " ->")
		at, rest, _ := strings.Cut(what, " ")
		key, command, _ := strings.Cut(rest, " ")
		r.in(msg("in", key, command, int64(number(at))))
		var got []string
		for _, m := range r.take() {
			got = append(got, deref(m.value))
		}
		if shows && !slices.Equal(got, []string{strings.TrimSpace(want)}) || !shows && len(got) != 0 {
			t.Fatalf("%s\ngot %q", line, got)
		}
	}
}

func TestWindowStore(t *testing.T) {
	r := newRig(t, storesTopology())
	script(t, r, `
		10 a put 10
		11 a put 20
		12 b put 10
		13 a\x00 put 15
		14 a fetch 0 99 -> 10=10 20=11
		14 a fetch 11 20 -> 20=11
		14 a fetch -5 10 -> 10=10
		14 a fetch 21 99 ->
		14 a fetch 20 10 ->
		commit
		15 a put 10
		15 a get 10 -> 10=15
		15 a get 11 ->
		15 a get -1 ->
		16 x all 0 99 -> a 10=15 b 10=12 a\x00 15=13 a 20=11
		17 a del 20
		17 a del -1
		17 a fetch 0 99 -> 10=15
		restart
		17 a fetch 0 99 -> 10=10 20=11
		commit
		109 a fetch 0 9000 -> 10=10 20=11
		110 a fetch 0 9000 -> 20=11
		110 a get 10 ->
		110 a put 10
		111 a put 12
		111 a fetch 0 9000 -> 12=111 20=11
	`)
	if n := r.tallied()["p expired-rows"]; n != 1 {
		t.Errorf("expired %v", r.tallied())
	}
	r.skip = true
	r.in(msg("in", "a", "put -1", 111))
	if len(r.failures) != 1 || !strings.Contains(r.failures[0].err.Error(), "store w: ") {
		t.Errorf("failures %v", r.failures)
	}
	r.commit()
	if n := len(r.rows("w")); n != 2*5 {
		t.Errorf("%d rows, which are two for each: time had not passed before the commit", n)
	}
	r.commit()
	if n := len(r.rows("w")); n != 2*3 {
		t.Errorf("%d rows: those at 10 are too old for whatever comes", n)
	}
}

func TestSessionStore(t *testing.T) {
	r := newRig(t, storesTopology())
	script(t, r, `
		10 a sput 10 20
		11 a sput 30 30
		12 b sput 5 12
		13 a sfetch 0 99 -> 10-20=10 30-30=11
		13 a sfetch 20 29 -> 10-20=10
		13 a sfetch 21 29 ->
		13 a sfetch 21 30 -> 30-30=11
		13 a sget 10 20 -> 10=10
		13 a sget 10 21 ->
		13 x sall 0 99 -> b 5=12 a 10=10 a 30=11
		13 x sall 0 9 -> b 5=12
		14 a sdel 30 30
		14 a sfetch 0 99 -> 10-20=10
		commit
		restart
		119 a sfetch 0 99 -> 10-20=10
		120 a sfetch 0 99 ->
		commit
		commit
	`)
	if n := len(r.rows("s")); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	r.skip = true
	r.in(msg("in", "a", "sput 7 6", 120), msg("in", "a", "sput -1 130", 120))
	if len(r.failures) != 2 || !strings.Contains(r.failures[0].err.Error(), "store s: the session ends at 6, before it begins at 7") {
		t.Errorf("failures %v", r.failures)
	}
}

func TestVersionedStore(t *testing.T) {
	r := newRig(t, storesTopology())
	script(t, r, `
		10 a vget ->
		10 a vput 10
		20 a vput 20
		21 a vput 15
		22 a vget -> 20=20
		22 a vof 19 -> 15=21
		22 a vof 14 -> 10=10
		22 a vof 9 ->
		22 a vof -9 ->
		commit
		30 a vdel 30
		31 a vget ->
		31 a vof 29 -> 20=20
		restart
		31 a vget -> 20=20
		50 a vput 40
		119 a vof 19 -> 15=21
		120 a vof 19 ->
		120 a vof 20 -> 20=20
		121 a vput 20
		220 a vof 50 -> 40=50
	`)
	if n := r.tallied()["p expired-rows"]; n != 1 {
		t.Errorf("expired %v", r.tallied())
	}
}

// With Kafka Streams' time a row is too old by what the store has seen.
func TestStoresByClock(t *testing.T) {
	r := newRig(t, storesTopology(topology.KafkaStreamsTime))
	script(t, r, `
		10 a put 10
		500 a fetch 0 999 -> 10=10
		500 a put 110
		500 a fetch 0 999 -> 110=500
		500 a put 10
		restart
		500 a put 10
		501 a put 300
		commit
		502 a fetch 0 999 -> 300=501
		restart
		502 a put 200
		502 a fetch 0 999 -> 300=501
		500 a vput 10
		500 a vput 111
		500 a vput 10
		500 a vof 50 -> 10=500
		500 a vof 10 ->
	`)
	if n := len(r.rows("w")); n != 2 {
		t.Errorf("%d rows", n)
	}
}

// What several processors are given is one store, also where one of them writes while the other
// reads it in the same transaction.
func TestSharedWindowStore(t *testing.T) {
	tp, s := text()
	st := tp.WindowStore("st", serde.String(), num(), time.Second)
	s.ProcessFunc("writer", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
		c.Forward(*r)
		return st.Open(c).Put(r.Key, r.Timestamp, r.Timestamp)
	}, st).ProcessFunc("reader", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
		return st.Open(c).FetchAll(0, 9999, func(start int64, k string, v int64) bool {
			c.Forward(r.With(k, fmt.Sprint(start)))
			return start < 6
		})
	}, st).To("out")
	r := newRig(t, tp)
	r.in(msg("in", "a", "", 5), msg("in", "b", "", 6), msg("in", "c", "", 7))
	r.want("out a:5 @6", "out a:5 @7", "out b:6 @7")
}

// Rows have the bytes of docs/format/state.md.
func TestStoreBytes(t *testing.T) {
	r := newRig(t, storesTopology())
	r.in(msg("in", "ab", "put 1000000", 7), msg("in", "ab", "sput 1000000 1000100", 7), msg("in", "ab", "vput 1000000", 7))
	for store, want := range map[string][]string{
		"w":         {"00000000000f4240" + "6162" + ": 37", "ff" + "02" + "6162" + "00000000000f4240" + ": "},
		"s":         {"00000000000f42a4" + "00000000000f4240" + "6162" + ": 37", "ff" + "02" + "6162" + "00000000000f42a4" + "00000000000f4240" + ": "},
		"v":         {"6162: " + "00000000000f4240" + "37"},
		"v-history": {},
	} {
		var got []string
		for k, v := range r.rows(store) {
			got = append(got, hex.EncodeToString([]byte(k))+": "+hex.EncodeToString([]byte(v)))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("store %s: %q, want %q", store, got, want)
		}
	}
}

// A range may be longer than what is read at once, and the function may use the store.
func TestLongFetch(t *testing.T) {
	tp, s := text()
	st := tp.WindowStore("st", num(), num(), time.Hour)
	n := int64(0)
	s.ProcessFunc("p", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
		st := st.Open(c)
		for i := range int64(1000) {
			if err := st.Put(7, i, i); err != nil {
				return err
			}
		}
		return st.Fetch(7, 0, 2000, func(start, v int64) bool {
			if start != n || v != n {
				t.Fatalf("%d: %d %d", n, start, v)
			}
			n++
			if err := st.Fetch(7, start, start, func(again, _ int64) bool { return again == start && st.Delete(7, again) == nil }); err != nil {
				t.Fatal(err)
			}
			return true
		})
	}, st)
	r := newRig(t, tp)
	r.in(msg("in", "", "", 1))
	if n != 1000 {
		t.Errorf("%d rows", n)
	}
	if left := len(r.rows("st")); left != 0 {
		t.Errorf("%d rows are left", left)
	}
}
