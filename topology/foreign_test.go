package topology_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// The left rows of the tests are "foreign key;rest"; "-" is no foreign key.
func foreignKey(_, v string) topology.Opt[string] {
	key, _, _ := strings.Cut(v, ";")
	if key == "-" {
		return topology.None[string]()
	}
	return topology.Some(key)
}

func joined(l, r string) string { return l + "|" + r }

func leftJoined(l string, r topology.Opt[string]) string {
	if !r.OK {
		return l + "|none"
	}
	return l + "|" + r.Value
}

// foreignTopology joins the table l with the table r.
func foreignTopology(left, each bool, opts ...topology.Option) *topology.Topology {
	t := topology.New("test", opts...)
	l := t.Table("l", serde.String(), serde.String())
	r := t.Table("r", serde.String(), serde.String())
	j := topology.Inner(joined)
	if left {
		j = topology.Left(leftJoined)
	}
	o := l.JoinForeignRows("j", r, foreignKey, j)
	if each {
		l.EachUpdate()
		r.EachUpdate()
		o = o.EachUpdate()
	}
	o.ToStream().To("out")
	return t
}

func TestJoinForeign(t *testing.T) {
	r := newRig(t, foreignTopology(false, true))
	r.in(msg("l", "a", "x;1", 10), msg("r", "x", "R", 20), msg("l", "b", "x;2", 30))
	r.want("out a:x;1|R @20", "out b:x;2|R @30")
	r.in(msg("r", "x", "S", 25))
	r.want("out a:x;1|S @25", "out b:x;2|S @30")
	r.in(msg("l", "a", "y;3", 40), msg("l", "b", "-;4", 41))
	r.want("out a:null @40", "out b:null @41")
	r.in(msg("r", "x", "T", 50), msg("r", "y", "", 30))
	r.want("out a:y;3| @40 ref 50")
	r.in(tombstone("r", "y", 60), tombstone("l", "a", 70), tombstone("l", "a", 80))
	r.want("out a:null @60", "out a:null @70")
}

func TestLeftJoinForeign(t *testing.T) {
	r := newRig(t, foreignTopology(true, true))
	r.in(msg("l", "a", "x;1", 10), msg("r", "x", "R", 20), tombstone("r", "x", 30))
	r.want("out a:x;1|none @10", "out a:x;1|R @20", "out a:x;1|none @10 ref 30")
	r.in(msg("l", "a", "-;2", 40), msg("r", "x", "S", 50), msg("l", "a", "x;3", 45))
	r.want("out a:-;2|none @40", "out a:x;3|S @50")
	r.in(tombstone("l", "a", 60), msg("l", "b", "-;4", 61), tombstone("l", "b", 62), tombstone("l", "b", 63))
	r.want("out a:null @60", "out b:-;4|none @61", "out b:null @62")
}

// With the time of Kafka Streams an update of the right side has its own timestamp.
func TestJoinForeignKafkaStreamsTime(t *testing.T) {
	r := newRig(t, foreignTopology(true, true, topology.KafkaStreamsTime))
	r.in(msg("l", "a", "x;1", 10), msg("r", "x", "R", 5), tombstone("r", "x", 7), msg("r", "x", "S", 30), msg("l", "a", "x;2", 20))
	r.want("out a:x;1|none @10", "out a:x;1|R @5", "out a:x;1|none @7", "out a:x;1|S @30", "out a:x;2|S @30")
}

// A table can be joined with itself, and with one that it has been joined with before.
func TestJoinForeignAgain(t *testing.T) {
	tp := topology.New("test")
	people := tp.Table("people", serde.String(), serde.String()).EachUpdate()
	places := tp.Table("places", serde.String(), serde.String()).EachUpdate()
	first := func(v string) string { return v[:1] }
	last := func(v string) string { return v[len(v)-1:] }
	bosses := people.JoinForeign("boss", people, first, topology.Left(leftJoined)).EachUpdate()
	bosses.ToStream().To("bosses")
	homes := people.JoinForeign("home", places, last, topology.Left(func(l string, r topology.Opt[string]) string { return r.Value + l })).EachUpdate()
	homes.JoinForeign("other", places, last, topology.Left(leftJoined)).EachUpdate().ToStream().To("places-of")
	r := newRig(t, tp)
	r.in(msg("places", "x", "P", 1), msg("people", "a", "b.x", 2), msg("people", "b", "b.y", 3))
	if got, want := last2(r, "bosses"), "a=b.x|b.y b=b.y|b.y"; got != want {
		t.Errorf("bosses: %s, want %s", got, want)
	}
	if got, want := last2(r, "places-of"), "a=Pb.x|P b=b.y|none"; got != want {
		t.Errorf("places: %s, want %s", got, want)
	}
}

// last2 returns the last values of the keys in a topic.
func last2(r *rig, topic string) string {
	rows := map[string]string{}
	for _, m := range r.sent {
		if m.topic == topic {
			rows[*m.key] = *m.key + "=" + deref(m.value)
		}
	}
	return strings.Join(slices.Sorted(maps.Values(rows)), " ")
}

// A row whose foreign key cannot be computed, and one that cannot be joined, is no row.
func TestJoinForeignErrors(t *testing.T) {
	tp := topology.New("test")
	l := tp.Table("l", serde.String(), serde.String()).EachUpdate()
	right := tp.Table("r", serde.String(), serde.String()).EachUpdate()
	l.JoinForeign("j", right, func(v string) string { return v[:1] }, topology.TryInner(func(_ context.Context, l, r string) (string, error) {
		if r == "bad" {
			return "", errOops
		}
		return l + "|" + r, nil
	}), topology.ValueSerde(serde.String())).EachUpdate().ToStream().To("out")
	r := newRig(t, tp)
	r.skip = true
	r.in(msg("l", "a", "x1", 1), msg("r", "x", "bad", 2), msg("r", "x", "good", 3), msg("r", "x", "bad", 4), msg("r", "x", "bad", 5), msg("l", "a", "x2", 6), msg("r", "x", "R", 7))
	r.want("out a:x1|good @3", "out a:null @4", "out a:x2|R @7")
	if len(r.failures) != 4 || r.failures[0].node != "j" {
		t.Errorf("failures: %v", r.failures)
	}
}

func TestJoinForeignMistakes(t *testing.T) {
	key := func(v string) string { return v }
	tests := []struct {
		name string
		make func(t *topology.Topology, l, r topology.Table[string, string])
		want string
	}{
		{"outer", func(_ *topology.Topology, l, r topology.Table[string, string]) {
			l.JoinForeign("j", r, key, topology.Outer(func(l, r topology.Opt[string]) string { return "" }))
		}, "j: a join by a foreign key cannot be outer, because a right row that nobody refers to has no key on the left: use Inner or Left"},
		{"no joiner", func(_ *topology.Topology, l, r topology.Table[string, string]) {
			l.JoinForeign("j", r, key, topology.Joiner[string, string, string]{})
		}, "j: the joiner is the zero value: use Inner or Left"},
		{"nil joiner", func(_ *topology.Topology, l, r topology.Table[string, string]) {
			l.JoinForeign("j", r, key, topology.Inner[string, string, string](nil))
		}, "j: the joiner is nil: give a function"},
		{"no key", func(_ *topology.Topology, l, r topology.Table[string, string]) {
			l.JoinForeignRows("j", r, nil, topology.Inner(joined))
		}, "j: the function of the foreign key is nil: give a function"},
		{"zero table", func(_ *topology.Topology, l, _ topology.Table[string, string]) {
			l.JoinForeign("j", topology.Table[string, string]{}, key, topology.Inner(joined))
		}, "j: the table to join with is the zero value: use what a method of the topology has returned"},
		{"another topology", func(_ *topology.Topology, l, _ topology.Table[string, string]) {
			l.JoinForeign("j", topology.New("other").Table("r", serde.String(), serde.String()), key, topology.Inner(joined))
		}, `j: the table to join with belongs to another topology, "other": declare it in this one`},
		{"name taken", func(_ *topology.Topology, l, r topology.Table[string, string]) {
			l.JoinForeign("r", r, key, topology.Inner(joined))
		}, "this name is taken"},
		{"nil serde", func(_ *topology.Topology, l, r topology.Table[string, string]) {
			l.JoinForeign("j", r, key, topology.Inner(joined), topology.ValueSerde[string](nil))
		}, "j: the serde given to ValueSerde is nil: give one"},
		{"no serde", func(_ *topology.Topology, l, r topology.Table[string, string]) {
			l.JoinForeign("j", r, key, topology.Inner(func(l, r string) func() { return nil }))
		}, "there is no serde for values of type func()"},
		{"in order", func(_ *topology.Topology, l, r topology.Table[string, string]) {
			l.JoinForeign("j", r, key, topology.Inner(joined)).EachUpdate().ToStream().InOrder("o", 0).To("out")
		}, "j: which updates this join makes depends on which side of it is read first"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tp := topology.New("test")
			tt.make(tp, tp.Table("l", serde.String(), serde.String()), tp.Table("r", serde.String(), serde.String()))
			_, err := tp.Build()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("%v, want %q", err, tt.want)
			}
			if !strings.Contains(err.Error(), "foreign_test.go:") {
				t.Errorf("no position: %v", err)
			}
		})
	}
}

// race runs a join whose messages go their ways in any order that partitions allow.
type race struct {
	*rig
	left  bool
	each  bool
	parts int
	lanes map[string][]message // from a partition of the writer to one of the reader
	told  map[string]string    // left rows, as the place of the result knows them
	rows  map[string]string    // what it has made of them
}

// part is the partition of a key.
func (r *race) part(key string) int {
	n := 0
	for _, c := range []byte(key) {
		n += int(c)
	}
	return n % r.parts
}

// from delivers a message, and puts what comes of it on its ways.
func (r *race) from(m message, internal bool) {
	if err := r.deliver(m, internal); err != nil {
		r.t.Fatal(err)
	}
	r.sort(r.part(*m.key))
	if m.topic == "j-left" {
		v := *m.value
		if delete(r.told, *m.key); v[1]&1 != 0 {
			r.told[*m.key] = v[10:]
		}
	}
	r.check()
}

// sort puts what was sent by a partition on its ways.
func (r *race) sort(part int) {
	for _, m := range r.internal {
		lane := fmt.Sprint(m.topic, part, r.part(*m.key))
		r.lanes[lane] = append(r.lanes[lane], m)
	}
	r.internal = nil
}

// check looks whether results are of the rows that are there.
func (r *race) check() {
	for _, m := range r.take() {
		key := *m.key
		if m.value == nil {
			delete(r.rows, key)
			continue
		}
		of, _, _ := strings.Cut(*m.value, "|")
		if r.each && of != r.told[key] {
			r.t.Fatalf("%s is %s, which is stale: the row is %q", key, *m.value, r.told[key])
		}
		r.rows[key] = *m.value
	}
}

// one lets one message go on, if there is one.
func (r *race) one(rnd *rand.Rand) bool {
	names := slices.Sorted(maps.Keys(r.lanes))
	if len(names) == 0 {
		return false
	}
	lane := names[rnd.IntN(len(names))]
	m := r.lanes[lane][0]
	if r.lanes[lane] = r.lanes[lane][1:]; len(r.lanes[lane]) == 0 {
		delete(r.lanes, lane)
	}
	r.from(m, true)
	return true
}

// commits commits all tasks, and starts them anew if again.
func (r *race) commits(again bool) {
	for _, sub := range r.plan.ForRuntime(flow.Key{}).SubTopologies {
		k := r.tasks[sub.Name]
		if err := k.flush(); err != nil {
			r.t.Fatal(err)
		}
		k.overlay.Commit()
		b := k.db.NewBatch()
		k.overlay.WriteTo(b)
		if err := b.Commit(); err != nil {
			r.t.Fatal(err)
		}
		k.overlay.Written()
		if again {
			k.start()
		}
	}
	r.sort(0)
	r.check()
}

// However the messages overtake each other, there is no result of a row that is no more, and in the
// end the result is that of a loop over the rows.
func TestJoinForeignRaces(t *testing.T) {
	for _, seed := range seeds.Several(t, 150) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		r := &race{left: rnd.IntN(2) == 0, each: rnd.IntN(3) > 0, parts: 1, lanes: map[string][]message{}, told: map[string]string{}, rows: map[string]string{}}
		if r.each {
			r.parts = 1 + rnd.IntN(3)
		}
		r.rig = newRig(t, foreignTopology(r.left, r.each))
		type version struct {
			value string
			ts    int64
		}
		lefts, rights := map[string]version{}, map[string]version{}
		keys, foreign := 1+rnd.IntN(4), 1+rnd.IntN(3)
		for i := range 150 {
			ts := int64(rnd.IntN(50))
			switch n := rnd.IntN(20); {
			case n < 4:
				key := "k" + strconv.Itoa(rnd.IntN(keys))
				if rnd.IntN(3) == 0 {
					delete(lefts, key)
					r.from(tombstone("l", key, ts), false)
					continue
				}
				of := "x" + strconv.Itoa(rnd.IntN(foreign))
				if rnd.IntN(5) == 0 {
					of = "-"
				}
				lefts[key] = version{of + ";" + strconv.Itoa(i), ts}
				r.from(msg("l", key, lefts[key].value, ts), false)
			case n < 7:
				key := "x" + strconv.Itoa(rnd.IntN(foreign))
				if rnd.IntN(3) == 0 {
					delete(rights, key)
					r.from(tombstone("r", key, ts), false)
					continue
				}
				rights[key] = version{strconv.Itoa(i), ts}
				r.from(msg("r", key, rights[key].value, ts), false)
			case n < 18:
				r.one(rnd)
			default:
				r.commits(n == 19)
			}
		}
		for again := true; again; {
			for r.one(rnd) {
			}
			r.commits(false)
			again = len(r.lanes) != 0
		}
		want, stored := map[string]string{}, map[string]string{}
		rows, subscriptions := 0, 0
		for key, l := range lefts {
			of := foreignKey(key, l.value)
			right, found := rights[of.Value]
			found = found && of.OK
			result, ts := "", l.ts
			if of.OK {
				subscriptions++
			}
			if r.left || of.OK {
				rows++
			}
			switch {
			case found:
				result, ts = joined(l.value, right.value), max(ts, right.ts)
			case r.left:
				result = l.value + "|none"
			default:
				continue
			}
			want[key] = result
			stored[key] = string(binary.BigEndian.AppendUint64(nil, uint64(ts))) + result
		}
		if !maps.Equal(r.rows, want) {
			t.Errorf("seed %d: results %v, want %v", seed, r.rows, want)
		}
		if got := r.rig.rows("j"); !maps.Equal(got, stored) {
			t.Errorf("seed %d: stored %q, want %q", seed, got, stored)
		}
		// Nothing is kept of what is gone.
		if got := len(r.rig.rows("j-left")); got != rows {
			t.Errorf("seed %d: %d left rows are kept, want %d", seed, got, rows)
		}
		if got := len(r.rig.rows("j-subscriptions")); got != subscriptions {
			t.Errorf("seed %d: %d subscriptions, want %d", seed, got, subscriptions)
		}
	}
}
