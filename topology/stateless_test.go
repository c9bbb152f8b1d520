package topology_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

type stream = topology.Stream[string, string]

// text returns a topology with one stream of strings from topic "in".
func text(opts ...topology.SourceOption[string]) (*topology.Topology, stream) {
	t := topology.New("test")
	return t, t.Stream("in", serde.String(), serde.String(), opts...)
}

func even(s string) bool { return len(s)%2 == 0 }

// The input of the tests of operators without state: odd and even values, a tombstone, a missing
// key, empty strings.
func samples() []message {
	noKey := msg("in", "", "nokey", 5)
	noKey.key = nil
	withHeaders := msg("in", "b", "bb", 2)
	withHeaders.headers = "h=1 i=2"
	return []message{
		msg("in", "a", "a", 1), withHeaders, tombstone("in", "a", 3), msg("in", "", "", 4), noKey, msg("in", "c", "ccc", 3),
	}
}

func TestStateless(t *testing.T) {
	all := []string{"out a:a @1", "out b:bb @2 {h=1 i=2}", "out a:null @3", "out : @4", "out null:nokey @5", "out c:ccc @3 ref 5"}
	tryEven := func(_ context.Context, s string) (bool, error) {
		if s == "ccc" {
			return false, errOops
		}
		return even(s), nil
	}
	var peeked []string
	tests := []struct {
		name  string
		build func(s stream)
		want  []string
		drops map[string]int
		fails []string
	}{
		{name: "pass", build: func(s stream) { s.To("out") }, want: all},
		{name: "filter", build: func(s stream) { s.Filter(even).To("out") },
			want: []string{"out b:bb @2 {h=1 i=2}", "out a:null @3", "out : @4"}},
		{name: "filter not", build: func(s stream) { s.FilterNot(even).To("out") },
			want: []string{"out a:a @1", "out a:null @3", "out null:nokey @5", "out c:ccc @3 ref 5"}},
		{name: "filter records", build: func(s stream) {
			s.FilterRecords(func(r *topology.Record[string, string]) bool { return r.NoKey || r.NoValue || r.Key == "b" }).To("out")
		}, want: []string{"out b:bb @2 {h=1 i=2}", "out a:null @3", "out null:nokey @5"}},
		{name: "try filter", build: func(s stream) { s.TryFilter(tryEven).To("out") },
			want: []string{"out b:bb @2 {h=1 i=2}", "out a:null @3", "out : @4"}, fails: []string{"filter-1: oops at in/0/6"}},
		{name: "map values", build: func(s stream) {
			s.MapValues(func(v string) int64 { return int64(len(v)) }).MapValues(letters).To("out")
		},
			want: []string{"out a:x @1", "out b:xx @2 {h=1 i=2}", "out a:null @3", "out : @4", "out null:xxxxx @5", "out c:xxx @3 ref 5"}},
		{name: "try map values", build: func(s stream) {
			s.TryMapValues(func(_ context.Context, v string) (string, error) {
				if v == "a" {
					return "", errOops
				}
				return strings.ToUpper(v), nil
			}).To("out")
		}, want: []string{"out b:BB @2 {h=1 i=2}", "out a:null @3", "out : @4", "out null:NOKEY @5", "out c:CCC @3 ref 5"}, fails: []string{"map-values-1: oops at in/0/1"}},
		{name: "flat map values", build: func(s stream) {
			s.FlatMapValues(func(v string) []string { return strings.Split(v, "b") }).To("out")
		}, want: []string{"out a:a @1", "out b: @2 {h=1 i=2}", "out b: @2 {h=1 i=2}", "out b: @2 {h=1 i=2}", "out : @4", "out null:nokey @5", "out c:ccc @3 ref 5"},
			drops: map[string]int{"flat-map-values-1 null-value": 1}},
		{name: "try flat map values", build: func(s stream) {
			s.TryFlatMapValues(func(_ context.Context, v string) ([]int64, error) {
				if v == "bb" {
					return []int64{1}, errOops
				}
				return nil, nil
			}).MapValues(letters).To("out")
		}, drops: map[string]int{"flat-map-values-1 null-value": 1}, fails: []string{"flat-map-values-1: oops at in/0/2"}},
		{name: "map records", build: func(s stream) {
			s.MapRecords(func(r *topology.Record[string, string]) topology.Record[string, int64] {
				out := r.With(strings.ToUpper(r.Key), int64(len(r.Value)))
				out.NoValue = r.NoValue
				out.Timestamp += 10
				out.NoKey = r.NoKey
				out.Ref, out.Origin = 77, topology.Origin{} // not for it to say
				return out
			}).MapValues(letters).To("out")
		}, want: []string{"out A:x @11 ref 1", "out B:xx @12 ref 2 {h=1 i=2}", "out A:null @13 ref 3", "out : @14 ref 4", "out null:xxxxx @15 ref 5", "out C:xxx @13 ref 5"}},
		{name: "map records keeps no stale bytes", build: func(s stream) {
			s.MapRecords(func(r *topology.Record[string, string]) topology.Record[string, string] {
				out := *r
				out.Key, out.Value = "k", "v"
				return out
			}).FilterRecords(func(r *topology.Record[string, string]) bool { return !r.NoKey && !r.NoValue }).To("out")
		}, want: []string{"out k:v @1", "out k:v @2 {h=1 i=2}", "out k:v @4", "out k:v @3 ref 5"}},
		{name: "flat map records", build: func(s stream) {
			s.FlatMapRecords(func(r *topology.Record[string, string]) []topology.Record[string, string] {
				if r.NoValue || r.NoKey {
					return nil
				}
				return []topology.Record[string, string]{r.With(r.Value, r.Key), r.With("x", "y")}
			}).To("out")
		}, want: []string{"out a:a @1", "out x:y @1", "out bb:b @2 {h=1 i=2}", "out x:y @2 {h=1 i=2}", "out : @4", "out x:y @4", "out ccc:c @3 ref 5", "out x:y @3 ref 5"}},
		{name: "select key", build: func(s stream) {
			s.SelectKey(func(v string) int64 { return int64(len(v)) }).SelectKey(strings.ToUpper).To("out")
		},
			want:  []string{"out A:a @1", "out BB:bb @2 {h=1 i=2}", "out : @4", "out NOKEY:nokey @5", "out CCC:ccc @3 ref 5"},
			drops: map[string]int{"select-key-1 null-value": 1}},
		{name: "peek", build: func(s stream) { s.Peek(func(v string) { peeked = append(peeked, v) }).To("out") }, want: all},
		{name: "peek records", build: func(s stream) {
			s.PeekRecords(func(r *topology.Record[string, string]) {
				peeked = append(peeked, r.Key+"/"+r.Value+"/"+r.Time().Format(time.RFC3339Nano))
			}).To("out")
		}, want: all},
		{name: "for each", build: func(s stream) {
			s.To("out")
			s.ForEach(func(v string) { peeked = append(peeked, "each "+v) })
			s.ForEachRecord(func(r *topology.Record[string, string]) { peeked = append(peeked, "record "+r.Value) })
		}, want: all},
		{name: "set headers", build: func(s stream) {
			s.SetHeaders(func(r *topology.Record[string, string]) []topology.Header {
				if r.Key == "c" {
					return nil
				}
				return append(slices.Clone(r.Headers), topology.Header{Key: "v", Value: []byte(r.Value)})
			}).To("out")
		}, want: []string{"out a:a @1 {v=a}", "out b:bb @2 {h=1 i=2 v=bb}", "out a:null @3 {v=}", "out : @4 {v=}", "out null:nokey @5 {v=nokey}", "out c:ccc @3 ref 5"}},
		{name: "flat map values of records", build: func(s stream) {
			s.FlatMapValuesRecords(func(r *topology.Record[string, string]) []topology.Opt[string] {
				switch {
				case r.NoValue:
					return []topology.Opt[string]{topology.Some("gone"), topology.None[string]()}
				case r.NoKey:
					return nil
				}
				return []topology.Opt[string]{topology.Some(r.Key + r.Value)}
			}).GroupByKey().Reduce("last", func(_, v string) string { return v }).EachUpdate().ToStream().To("out")
		}, want: []string{"out a:aa @1", "out b:bbb @2 {h=1 i=2}", "out a:gone @3", "out : @4", "out c:cccc @3 ref 5"},
			drops: map[string]int{"last null-value": 1}},
		{name: "to one of", build: func(s stream) {
			s.ToOneOf("route", []string{"even", "odd"}, func(r *topology.Record[string, string]) string {
				switch {
				case r.NoKey:
					return "nowhere"
				case even(r.Value):
					return "even"
				}
				return "odd"
			})
		}, want: []string{"odd a:a @1", "even b:bb @2 {h=1 i=2}", "even a:null @3", "even : @4", "odd c:ccc @3 ref 5"},
			fails: []string{`route: the topic "nowhere" is none of those declared: even, odd at in/0/5`}},
		{name: "partitioner", build: func(s stream) {
			by := func(r *topology.Record[string, string], n int32) int32 {
				if r.NoKey {
					return n
				}
				return int32(len(r.Value)) - 1
			}
			s.WithPartitioner(by).Filter(func(v string) bool { return v != "" }).To("out")
		}, want: []string{"out/0 a:a @1", "out/1 b:bb @2 {h=1 i=2}", "out/2 c:ccc @3 ref 5"},
			fails: []string{"out: the partitioner chose partition -1 of topic out, which has 0 to 3 at in/0/3", "out: the partitioner chose partition 4 of topic out, which has 0 to 3 at in/0/5"}},
		{name: "merge", build: func(s stream) { s.Filter(even).Merge(s, s.FilterNot(even)).To("out") },
			// The branches run in the order of their declaration: filter, merge, filter-not.
			want: []string{
				"out a:a @1", "out a:a @1", "out b:bb @2 {h=1 i=2}", "out b:bb @2 {h=1 i=2}", "out a:null @3", "out a:null @3", "out a:null @3",
				"out : @4", "out : @4", "out null:nokey @5", "out null:nokey @5", "out c:ccc @3 ref 5", "out c:ccc @3 ref 5",
			}},
		{name: "split", build: func(s stream) {
			sp := s.Split("by")
			rest := sp.Rest()
			sp.Branch("even", even).To("even")
			sp.Branch("long", func(v string) bool { return len(v) > 1 }).To("long")
			rest.To("rest")
			sp.Branch("never", even).Discard() // and nobody there
		}, want: []string{"rest a:a @1", "even b:bb @2 {h=1 i=2}", "even a:null @3", "long a:null @3", "rest a:null @3", "even : @4", "long null:nokey @5", "long c:ccc @3 ref 5"}},
		{name: "split by records", build: func(s stream) {
			sp := s.Split("by")
			sp.Branch("even", even).To("even")
			sp.BranchRecords("a", func(r *topology.Record[string, string]) bool { return r.Key == "a" }).To("a")
			sp.Branch("long", func(v string) bool { return len(v) > 3 }).To("long")
			sp.Rest().To("rest")
		}, want: []string{"a a:a @1", "even b:bb @2 {h=1 i=2}", "even a:null @3", "a a:null @3", "even : @4", "long null:nokey @5", "rest c:ccc @3 ref 5"}},
		{name: "split without rest", build: func(s stream) { s.Split("by").Branch("even", even).To("even") },
			want: []string{"even b:bb @2 {h=1 i=2}", "even a:null @3", "even : @4"}},
		{name: "repartition", build: func(s stream) { s.Repartition("r", topology.Partitions(3)).MapValues(strings.ToUpper).To("out") },
			want:  []string{"out a:A @1", "out b:BB @2 {h=1 i=2}", "out a:null @3", "out : @4", "out c:CCC @3 ref 5"},
			drops: map[string]int{"r null-key": 1}},
		{name: "depth first", build: func(s stream) {
			s.MapValues(func(v string) string { return v + "1" }).To("out")
			s.Repartition("r").To("out2")
			s.MapValues(func(v string) string { return v + "2" }).To("out")
		}, want: []string{
			"out a:a1 @1", "out a:a2 @1", "out2 a:a @1", "out b:bb1 @2 {h=1 i=2}", "out b:bb2 @2 {h=1 i=2}", "out2 b:bb @2 {h=1 i=2}", "out a:null @3", "out a:null @3", "out2 a:null @3",
			"out :1 @4", "out :2 @4", "out2 : @4", "out null:nokey1 @5", "out null:nokey2 @5", "out c:ccc1 @3 ref 5", "out c:ccc2 @3 ref 5", "out2 c:ccc @3 ref 5",
		}, drops: map[string]int{"r null-key": 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tp, s := text()
			tt.build(s)
			r := newRig(t, tp)
			r.skip = true
			r.in(samples()...)
			r.want(tt.want...)
			r.wantDrops(tt.drops)
			var fails []string
			for _, f := range r.failures {
				fails = append(fails, f.node+": "+f.err.Error()+" at "+f.o.Topic+"/0/"+letters2(f.o.Offset))
			}
			if !slices.Equal(fails, tt.fails) {
				t.Errorf("failures %q, want %q", fails, tt.fails)
			}
		})
	}
	if want := []string{
		"a", "bb", "", "nokey", "ccc",
		"a/a/1970-01-01T00:00:00.001Z", "b/bb/1970-01-01T00:00:00.002Z", "a//1970-01-01T00:00:00.003Z", "//1970-01-01T00:00:00.004Z", "/nokey/1970-01-01T00:00:00.005Z", "c/ccc/1970-01-01T00:00:00.003Z",
		"each a", "record a", "each bb", "record bb", "record ", "each ", "record ", "each nokey", "record nokey", "each ccc", "record ccc",
	}; !slices.Equal(peeked, want) {
		t.Errorf("peeked %q, want %q", peeked, want)
	}
}

func letters(n int64) string { return strings.Repeat("x", int(n)) }

func letters2(n int64) string { return string(rune('0' + n)) }

// An error of a function stops the record, and the task, when the policy does not skip.
func TestFailStops(t *testing.T) {
	tp, s := text()
	s.TryMapValues(func(context.Context, string) (string, error) { return "", errOops }).To("out")
	s.To("other")
	r := newRig(t, tp)
	if err := r.try(msg("in", "a", "b", 1)); !errors.Is(err, errOops) {
		t.Errorf("got %v", err)
	}
	r.want()
}

func TestEventTime(t *testing.T) {
	at := func(v string) time.Time { return time.UnixMilli(int64(len(v)) - 1) }
	tests := []struct {
		name  string
		opts  []topology.SourceOption[string]
		want  []string
		fails int
	}{
		{name: "message", want: []string{"out a:a @1", "out b:bb @2 {h=1 i=2}", "out a:null @3", "out : @4", "out null:nokey @5", "out c:ccc @3 ref 5"}},
		{name: "value", opts: []topology.SourceOption[string]{topology.TimeFromValue(at)},
			want: []string{"out a:a @0", "out b:bb @1 {h=1 i=2}", "out a:null @3", "out null:nokey @4", "out c:ccc @2 ref 4"}, fails: 1},
		{name: "try value", opts: []topology.SourceOption[string]{topology.TryTimeFromValue(func(_ context.Context, v string) (time.Time, error) {
			if v == "" {
				return time.Time{}, errOops
			}
			return at(v), nil
		})}, want: []string{"out a:a @0", "out b:bb @1 {h=1 i=2}", "out a:null @3", "out null:nokey @4", "out c:ccc @2 ref 4"}, fails: 1},
		{name: "record", opts: []topology.SourceOption[string]{topology.TimeFromRecord(func(r *topology.Record[[]byte, string]) time.Time {
			n := r.Timestamp * 10
			if r.NoKey {
				n += 3
			}
			if r.NoValue {
				n += 5
			}
			return time.UnixMilli(n + int64(len(r.Key)+len(r.Headers)))
		})}, want: []string{"out a:a @11", "out b:bb @23 {h=1 i=2}", "out a:null @36", "out : @40", "out null:nokey @53", "out c:ccc @31 ref 53"}},
		{name: "wall clock", opts: []topology.SourceOption[string]{topology.TimeFromWallClock[string]},
			want: []string{"out a:a @1000000000000", "out b:bb @1000000000000 {h=1 i=2}", "out a:null @1000000000000", "out : @1000000000000", "out null:nokey @1000000000000", "out c:ccc @1000000000000"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tp, s := text(tt.opts...)
			s.To("out")
			r := newRig(t, tp)
			r.skip = true
			r.in(samples()...)
			r.want(tt.want...)
			r.wantDrops(nil)
			if len(r.failures) != tt.fails {
				t.Errorf("failures %v", r.failures)
			}
		})
	}
}

// What nobody looks at is not decoded; what somebody looks at is, and once.
func TestDecodesWhatIsNeeded(t *testing.T) {
	type point struct{ X int }
	tests := []struct {
		name       string
		build      func(s topology.Stream[int64, point])
		key, value int // how often each is decoded
	}{
		{"to", func(s topology.Stream[int64, point]) { s.To("out") }, 0, 0},
		{"count", func(s topology.Stream[int64, point]) { s.GroupByKey().Count("n").ToStream().To("out") }, 0, 0},
		{"count, then a key", func(s topology.Stream[int64, point]) {
			s.GroupByKey().Count("n").ToStream().PeekRecords(func(*topology.Record[int64, int64]) {}).To("out")
		}, 1, 0},
		{"count each, then a key", func(s topology.Stream[int64, point]) {
			s.GroupByKey().Count("n").EachUpdate().ToStream().PeekRecords(func(*topology.Record[int64, int64]) {}).To("out")
		}, 1, 0},
		{"windowed count each, then a key", func(s topology.Stream[int64, point]) {
			s.GroupByKey().Window(topology.Tumbling(time.Second)).Count("n").EachUpdate().Stream(func(_ topology.Window, k int64) int64 { return k }).To("out")
		}, 1, 0},
		{"filter", func(s topology.Stream[int64, point]) { s.Filter(func(point) bool { return true }).To("out") }, 0, 1},
		{"filter records", func(s topology.Stream[int64, point]) {
			s.FilterRecords(func(*topology.Record[int64, point]) bool { return true }).To("out")
		}, 1, 1},
		{"group by", func(s topology.Stream[int64, point]) {
			s.GroupBy("g", func(p point) int64 { return int64(p.X) }).Count("n").ToStream().To("out")
		}, 0, 1},
		{"aggregate records", func(s topology.Stream[int64, point]) {
			s.GroupByKey().AggregateRecords("n", topology.Fold(func(a int64, r *topology.Record[int64, point]) int64 { return a + r.Key })).ToStream().To("out")
		}, 1, 1},
		{"table", func(s topology.Stream[int64, point]) { s.ToTable("tb").ToStream().To("out") }, 0, 0},
		{"table each, then a value", func(s topology.Stream[int64, point]) {
			s.ToTable("tb").EachUpdate().ToStream().Peek(func(point) {}).To("out")
		}, 0, 1},
		{"merge", func(s topology.Stream[int64, point]) { s.Merge(s).To("out") }, 0, 0},
		{"split", func(s topology.Stream[int64, point]) { s.Split("sp").Rest().To("out") }, 0, 1},
		{"repartition", func(s topology.Stream[int64, point]) { s.Repartition("r").To("out") }, 0, 0},
		{"repartition, then a value", func(s topology.Stream[int64, point]) { s.Repartition("r").Peek(func(point) {}).To("out") }, 0, 1},
		{"another serde", func(s topology.Stream[int64, point]) {
			s.WithKeySerde(other[int64]{serde.Int64()}).WithValueSerde(other[point]{serde.JSON[point]()}).To("out")
		}, 1, 1},
		{"several", func(s topology.Stream[int64, point]) {
			s.Peek(func(point) {}).To("out")
			s.Peek(func(point) {}).To("out")
			s.GroupByKey().Count("n")
		}, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := &counting[int64]{Serde: serde.Int64()}
			v := &counting[point]{Serde: serde.JSON[point]()}
			tp := topology.New("test")
			tt.build(tp.Stream("in", k, v))
			r := newRig(t, tp)
			r.in(msg("in", "12345678", `{"X":1}`, 1))
			r.commit()
			if k.decoded != tt.key || v.decoded != tt.value {
				t.Errorf("decoded %d keys and %d values, want %d and %d", k.decoded, v.decoded, tt.key, tt.value)
			}
		})
	}
}

// counting counts what it decodes.
type counting[T any] struct {
	serde.Serde[T]
	decoded int
}

func (c *counting[T]) Decode(b []byte) (T, error) {
	c.decoded++
	return c.Serde.Decode(b)
}

// other is the same serde under another name.
type other[T any] struct{ serde.Serde[T] }

func (o other[T]) Name() string { return "other " + o.Serde.Name() }

func TestDecodeErrors(t *testing.T) {
	tp := topology.New("test")
	s := tp.Stream("in", serde.Int64(), serde.JSON[map[string]int]())
	s.PeekRecords(func(*topology.Record[int64, map[string]int]) {}).To("out")
	r := newRig(t, tp)
	r.skip = true
	r.in(msg("in", "short", "{}", 1), msg("in", "12345678", "no json", 2), msg("in", "12345678", `{"a":1}`, 3))
	r.want(`out 12345678:{"a":1} @3`)
	if len(r.failures) != 2 {
		t.Fatalf("failures %v", r.failures)
	}
	for i, want := range []string{"decode key as int64", "decode value as json"} {
		if f := r.failures[i]; f.node != "in" || f.o.Offset != int64(i+1) || !strings.Contains(f.err.Error(), want) || !errors.Is(f.err, serde.ErrMalformed) {
			t.Errorf("failure %d: %+v", i, f)
		}
	}
	r.skip = false
	if err := r.try(msg("in", "short", "{}", 4)); !errors.Is(err, serde.ErrMalformed) {
		t.Errorf("got %v", err)
	}
}

// Streams whose keys are written differently meet: those behind get one encoding.
func TestMergeOfDifferentSerdes(t *testing.T) {
	tp := topology.New("test")
	a := tp.Stream("a", serde.Int64(), serde.String())
	b := tp.Stream("b", other[int64]{reversed{}}, serde.String())
	a.Merge(b).To("out")
	r := newRig(t, tp)
	r.in(msg("a", "\x00\x00\x00\x00\x00\x00\x00\x01", "x", 1), msg("b", "\x02\x00\x00\x00\x00\x00\x00\x00", "y", 2))
	r.want("out \x00\x00\x00\x00\x00\x00\x00\x01:x @1", "out \x00\x00\x00\x00\x00\x00\x00\x02:y @2")
}

// reversed writes numbers in little-endian order.
type reversed struct{}

func (reversed) Name() string { return "reversed" }

func (reversed) Append(dst []byte, v int64) ([]byte, error) {
	at := len(dst)
	dst, err := serde.Int64().Append(dst, v)
	slices.Reverse(dst[at:])
	return dst, err
}

func (reversed) Decode(src []byte) (int64, error) {
	b := slices.Clone(src)
	slices.Reverse(b)
	return serde.Int64().Decode(b)
}

// Several topics are one stream, and two streams of a topic both get each record.
func TestTopics(t *testing.T) {
	tp := topology.New("test")
	tp.StreamTopics([]string{"a", "b"}, serde.String(), serde.String()).To("both")
	tp.Stream("a", serde.String(), serde.String()).To("again")
	r := newRig(t, tp)
	r.in(msg("a", "k", "1", 1), msg("b", "k", "2", 2))
	r.want("both k:1 @1", "again k:1 @1", "both k:2 @2")
}
