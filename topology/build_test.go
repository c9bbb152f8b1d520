package topology_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
)

type point struct{ X, Y int }

func slowUpper(_ context.Context, v string) (string, error) { return strings.ToUpper(v), nil }

// here returns the position of its caller, lines further on.
func here(lines int) string {
	_, file, line, _ := runtime.Caller(1)
	return file + ":" + strconv.Itoa(line+lines)
}

// Each mistake is reported with the position of the call and a way out.
func TestBuildErrors(t *testing.T) {
	str := serde.String()
	upper := strings.ToUpper
	concat := topology.Inner(func(l, r string) string { return l + r })
	tests := []struct {
		name  string
		build func(tp *topology.Topology, s stream) (pos string)
		want  string
	}{
		{"nil predicate", func(tp *topology.Topology, s stream) string {
			s.Filter(nil)
			return here(-1)
		}, "filter-1: the predicate is nil: give a function"},
		{"nil mapper", func(tp *topology.Topology, s stream) string {
			s.MapValues[int](nil)
			return here(-1)
		}, "map-values-1: the function is nil: give a function"},
		{"nil joiner", func(tp *topology.Topology, s stream) string {
			s.Join("j", tp.Table("tb", str, str), topology.Inner[string, string, string](nil))
			return here(-1)
		}, "j: the joiner is nil: give a function"},
		{"nil joiner of streams", func(tp *topology.Topology, s stream) string {
			s.JoinWithin("j", s, topology.Within(0), topology.Outer[string, string, string](nil))
			return here(-1)
		}, "j: the joiner is nil: give a function"},
		{"no joiner of streams", func(tp *topology.Topology, s stream) string {
			s.JoinWithin("j", s, topology.Within(0), topology.Joiner[string, string, string]{})
			return here(-1)
		}, "j: the joiner is the zero value: use Inner, Left or Outer"},
		{"no bounds", func(tp *topology.Topology, s stream) string {
			s.JoinWithin("j", s, topology.JoinBounds{}, concat)
			return here(-1)
		}, "j: the bounds of the join are the zero value: use Within"},
		{"negative bounds", func(tp *topology.Topology, s stream) string {
			s.JoinWithin("j", s, topology.Within(0).Before(-time.Second), concat)
			return here(-1)
		}, "j: how far before of the join, -1s, is negative: give Within or Before 0 or more"},
		{"negative grace of a join", func(tp *topology.Topology, s stream) string {
			s.JoinWithin("j", s, topology.Within(0).Grace(-time.Second), concat)
			return here(-1)
		}, "j: the grace of the join, -1s, is negative: give Grace 0 or more"},
		{"bounds that are not whole", func(tp *topology.Topology, s stream) string {
			s.JoinWithin("j", s, topology.Within(0).After(time.Microsecond), concat)
			return here(-1)
		}, "j: how far after of the join, 1µs, is not a whole number of milliseconds: round it"},
		{"bounds that are too long", func(tp *topology.Topology, s stream) string {
			s.JoinWithin("j", s, topology.Within(200*365*24*time.Hour), concat)
			return here(-1)
		}, "j: the bounds and the grace of the join, 1752000h0m0s, 1752000h0m0s and 0s, are more together than a time.Duration holds, 292 years: make one smaller"},
		{"zero stream to join with", func(tp *topology.Topology, s stream) string {
			s.JoinWithin("j", stream{}, topology.Within(0), concat)
			return here(-1)
		}, "j: the stream to join with is the zero value: use what a method of the topology has returned"},
		{"nil start", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().AggregateWith("st", topology.Fold(func(a int64, v string) int64 { return a }).From(nil))
			return here(-1)
		}, "st: the function of the start is nil: give a function"},
		{"nil adder", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Aggregate[int64]("st", nil)
			return here(-1)
		}, "st: the function is nil: give a function"},
		{"nil adder that can fail", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Tumbling(time.Second)).AggregateWith("st", topology.TryFold[string, int64](nil))
			return here(-1)
		}, "st: the function is nil: give a function"},
		{"nil merge", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().AggregateRecords("st", topology.Fold(func(a int64, r *record) int64 { return a }).Merge(nil))
			return here(-1)
		}, "st: the function given to Merge is nil: give a function"},
		{"nil subtract", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().AggregateWith("st", topology.Fold(func(a int64, v string) int64 { return a }).Subtract(nil))
			return here(-1)
		}, "st: the function given to Subtract is nil: give a function"},
		{"zero aggregator", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().AggregateWith("st", topology.Aggregator[string, int64]{})
			return here(-1)
		}, "st: the aggregator is the zero value: use Fold, TryFold, FoldOpt or Top"},
		{"top without compare", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().AggregateWith("st", topology.Top[string](1, nil))
			return here(-1)
		}, "st: the function that compares is nil: give a function"},
		{"top of none", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().AggregateWith("st", topology.Top(0, strings.Compare))
			return here(-1)
		}, "st: the number of values is 0: Top keeps at least one"},
		{"top with a start", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().AggregateWith("st", topology.Top(1, strings.Compare).From(func() []string { return nil }))
			return here(-1)
		}, "st: From was called on a Top, which begins empty and merges by itself: leave it out"},
		{"top of records", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().AggregateRecords("st", topology.Top(1, func(a, b *record) int { return 0 }))
			return here(-1)
		}, "st: a Top keeps what it is given, and a record must not be kept: use AggregateWith, which gives it values; MapValuesRecords before the group makes values of records"},
		{"sample of more than all", func(tp *topology.Topology, s stream) string {
			s.Sample(1.5)
			return here(-1)
		}, "sample-1: the fraction 1.5 is none: give a number from 0, for nothing, to 1, for everything"},
		{"sample of no number", func(tp *topology.Topology, s stream) string {
			s.SampleKeys(math.NaN())
			return here(-1)
		}, "sample-1: the fraction NaN is none: give a number from 0, for nothing, to 1, for everything"},
		{"sample of updates", func(tp *topology.Topology, s stream) string {
			t := s.GroupByKey().Count("st")
			at := here(-1)
			t.ToStream().Sample(0.5).To("out")
			return at
		}, "st: this table forwards what it has when something is committed, and Sample further on demands records that depend on nothing but the input: say EachUpdate, or Final for windows"},
		{"limit of nothing", func(tp *topology.Topology, s stream) string {
			s.Limit("st", 0, topology.Tumbling(time.Second))
			return here(-1)
		}, "st: the limit is 0: give 1 or more, or leave the stream out"},
		{"limit in sessions", func(tp *topology.Topology, s stream) string {
			s.SplitLimit("st", 1, topology.Sessions(time.Second))
			return here(-1)
		}, "st: a limit counts each record in one window, and windows of sessions may share records: use Tumbling, Days, Weeks or Months"},
		{"limit without windows", func(tp *topology.Topology, s stream) string {
			s.Limit("st", 1, topology.Windows{})
			return here(-1)
		}, "st: the windows are the zero value: use Tumbling, Hopping or Sessions"},
		{"limit of other keys", func(tp *topology.Topology, s stream) string {
			s.SelectKey(func(v string) string { return v }).Limit("st", 1, topology.Tumbling(time.Second))
			return here(-1)
		}, "st: a limit needs equal keys in one partition, and the key was changed by select-key-1 at"},
		{"nil async", func(tp *topology.Topology, s stream) string {
			s.MapValuesAsync[string](topology.Calls{}, nil)
			return here(-1)
		}, "map-async-1: the function is nil: give a function"},
		{"async with negative limits", func(tp *topology.Topology, s stream) string {
			s.MapValuesAsync(topology.Calls{Concurrency: -1, Timeout: time.Second}, slowUpper)
			return here(-1)
		}, "map-async-1: the concurrency is -1: give 1 or more, or leave it out for 64"},
		{"async with a negative timeout", func(tp *topology.Topology, s stream) string {
			s.MapValuesAsync(topology.Calls{Timeout: -time.Second}, slowUpper)
			return here(-1)
		}, "map-async-1: the time-out is -1s: give how long a call may take, or leave it out for 10s"},
		{"async behind state", func(tp *topology.Topology, s stream) string {
			out := s.Limit("st", 1, topology.Tumbling(time.Second)).Filter(func(string) bool { return true }).MapValuesAsync(topology.Calls{}, slowUpper)
			at := here(-1)
			out.To("out")
			return at
		}, "map-async-1: it calls its function ahead of the records, and which records st at"},
		{"async behind async", func(tp *topology.Topology, s stream) string {
			out := s.MapValuesAsync(topology.Calls{}, slowUpper).MapValuesAsync(topology.Calls{}, slowUpper)
			at := here(-1)
			out.To("out")
			return at
		}, "map-async-2: its records are known when the calls of map-async-1 at"},
		{"ids for less than no time", func(tp *topology.Topology, s stream) string {
			s.Deduplicate("st", func(v string) string { return v }, -time.Second)
			return here(-1)
		}, "st: the time, -1s, is negative: give 0 or more"},
		{"ids for half a millisecond", func(tp *topology.Topology, s stream) string {
			s.Deduplicate("st", func(v string) string { return v }, 500*time.Microsecond)
			return here(-1)
		}, "st: the time, 500µs, is not a whole number of milliseconds: round it"},
		{"ids for ever", func(tp *topology.Topology, s stream) string {
			s.Deduplicate("st", func(v string) string { return v }, math.MaxInt64)
			return here(-1)
		}, "st: the time, 2562047h47m16.854775807s, is longer than 146 years: make it shorter"},
		{"no function of ids", func(tp *topology.Topology, s stream) string {
			s.Deduplicate[string]("st", nil, time.Second)
			return here(-1)
		}, "st: the function of the id is nil: give a function"},
		{"ids without serde", func(tp *topology.Topology, s stream) string {
			s.Deduplicate("st", func(v string) struct{ A, B string } { return struct{ A, B string }{v, v} }, time.Second)
			return here(-1)
		}, "st: keys of type struct { A string; B string } need a serde of their own"},
		{"ids of other keys", func(tp *topology.Topology, s stream) string {
			s.SelectKey(upper).Deduplicate("st", func(v string) string { return v }, time.Second)
			return here(-1)
		}, "st: Deduplicate needs equal keys in one partition, and the key was changed by select-key-1 at"},
		{"ids of a timeless source", func(tp *topology.Topology, s stream) string {
			tp.Stream("t", str, str, topology.Timeless).DeduplicateRecords("st", func(*topology.Record[string, string]) string { return "" }, time.Second)
			return here(-1)
		}, "st: records of a timeless source have no time for which their ids could be remembered: leave Timeless out"},
		{"nil reducer", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Reduce("st", nil)
			return here(-1)
		}, "st: the function is nil: give a function"},
		{"zero joiner", func(tp *topology.Topology, s stream) string {
			s.JoinGlobal("j", tp.GlobalTable("g", str, str), upper, topology.Joiner[string, string, string]{})
			return here(-1)
		}, "j: the joiner is the zero value: use Inner or Left"},
		{"outer join with a table", func(tp *topology.Topology, s stream) string {
			s.Join("j", tp.Table("tb", str, str), topology.Outer(func(v, o topology.Opt[string]) string { return v.Value }))
			return here(-1)
		}, "j: a join of a stream with a table cannot be outer, because only records of the stream make output: use Inner or Left"},
		{"outer join with a global table", func(tp *topology.Topology, s stream) string {
			s.JoinGlobal("j", tp.GlobalTable("g", str, str), upper, topology.TryOuter(
				func(_ context.Context, v, o topology.Opt[string]) (string, error) { return v.Value, nil }))
			return here(-2)
		}, "j: a join of a stream with a table cannot be outer"},
		{"nil joiner that can fail", func(tp *topology.Topology, s stream) string {
			s.Join("j", tp.Table("tb", str, str), topology.TryLeft[string, string, string](nil))
			return here(-1)
		}, "j: the joiner is nil: give a function"},
		{"nil key of a join", func(tp *topology.Topology, s stream) string {
			s.JoinGlobal("j", tp.GlobalTable("g", str, str), nil, topology.Inner(both))
			return here(-1)
		}, "j: the function of the key is nil: give a function"},
		{"nil supplier", func(tp *topology.Topology, s stream) string {
			s.Process[string, string]("p", nil)
			return here(-1)
		}, "p: the processor is nil: give a function"},
		{"nil store", func(tp *topology.Topology, s stream) string {
			s.ProcessFunc("p", func(topology.Context[string, string], *topology.Record[string, string]) error { return nil }, nil)
			return here(-1)
		}, "p: a resource is nil: use what a method of the topology has returned"},
		{"zero store", func(tp *topology.Topology, s stream) string {
			s.ProcessFunc("p", func(topology.Context[string, string], *topology.Record[string, string]) error { return nil }, topology.StoreRef[string, string]{})
			return here(-1)
		}, "p: a store is the zero value: use what a method of the topology, such as Store, has returned"},
		{"nil key serde", func(tp *topology.Topology, s stream) string {
			tp.Stream[string, string]("x", nil, str).To("y")
			return here(-1)
		}, "x: the serde of the key is nil: give one, such as serde.String()"},
		{"nil value serde", func(tp *topology.Topology, s stream) string {
			tp.Stream("x", str, serde.Serde[string](nil)).To("y")
			return here(-1)
		}, "x: the serde of the value is nil: give one, such as serde.JSON[T]()"},
		{"nil registered", func(tp *topology.Topology, s stream) string {
			topology.Register[point](tp, nil)
			return here(-1)
		}, "the serde to register for topology_test.point is nil"},
		{"registered twice", func(tp *topology.Topology, s stream) string {
			topology.Register(tp, serde.JSON[point]())
			topology.Register(tp, serde.JSON[point]())
			return here(-1)
		}, "a serde for topology_test.point is registered already: register one"},
		{"topic", func(tp *topology.Topology, s stream) string {
			s.To("a topic")
			return here(-1)
		}, `the topic "a topic" has ' ' in it: names consist of letters, digits, '.', '_' and '-'`},
		{"empty topic", func(tp *topology.Topology, s stream) string {
			tp.Stream("", str, str)
			return here(-1)
		}, `the topic "" is empty`},
		{"no topics", func(tp *topology.Topology, s stream) string {
			tp.StreamTopics(nil, str, str)
			return here(-1)
		}, "a stream without topics: name one at least"},
		{"topic twice", func(tp *topology.Topology, s stream) string {
			tp.StreamTopics([]string{"a", "a"}, str, str)
			return here(-1)
		}, `a+a: topic "a" is named twice: name it once`},
		{"long topic", func(tp *topology.Topology, s stream) string {
			s.To(strings.Repeat("x", 250))
			return here(-1)
		}, "has 250 characters: Kafka's topics have at most 249"},
		{"dots", func(tp *topology.Topology, s stream) string {
			s.To("..")
			return here(-1)
		}, `the topic ".." is not possible as the name of a topic`},
		{"store name", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Count("a/b")
			return here(-1)
		}, "a/b: the name of this store has '/' in it"},
		{"no name", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Count("")
			return here(-1)
		}, "the name of this store is empty"},
		{"name taken", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Count("n")
			s.GroupBy("n", upper)
			return here(-1)
		}, "n: this name is taken by the store at " + here(-3) + ": names of stores, joins, groupings and processors are unique, give this group-by another one"},
		{"branch taken", func(tp *topology.Topology, s stream) string {
			sp := s.Split("sp")
			sp.Branch("b", even)
			sp.Branch("b", even)
			return here(-1)
		}, `sp: there is a branch "b" already, at ` + here(-3) + ": give this one another name"},
		{"branch called rest", func(tp *topology.Topology, s stream) string {
			s.Split("sp").Branch("rest", even)
			return here(-1)
		}, `sp: the branch's name "rest" is that of what no branch takes: give it another name`},
		{"global twice", func(tp *topology.Topology, s stream) string {
			tp.GlobalTable("g", str, str)
			tp.GlobalTable("g", str, str)
			return here(-1)
		}, "g: this topic is a global table already, declared at " + here(-3) + ": use what that returned"},
		{"long name of a changelog", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Count(strings.Repeat("x", 240))
			return here(-1)
		}, "the name of its topic would have 255 characters, and Kafka allows 249: choose shorter names"},
		{"group by a changed key", func(tp *topology.Topology, s stream) string {
			s.SelectKey(upper).Filter(even).GroupByKey().Count("n")
			return here(-1)
		}, "GroupByKey needs equal keys in one partition, and the key was changed by select-key-1 at " + here(-2) + ": use GroupBy, or put Repartition in between"},
		{"join by a changed key", func(tp *topology.Topology, s stream) string {
			s.SelectKey(upper).Join("j", tp.Table("tb", str, str), topology.Inner(both))
			return here(-1)
		}, "j: a join needs equal keys in one partition, and the key was changed by select-key-1"},
		{"table of a changed key", func(tp *topology.Topology, s stream) string {
			s.SelectKey(upper).ToTable("tb")
			return here(-1)
		}, "tb: ToTable needs equal keys in one partition"},
		{"zero table", func(tp *topology.Topology, s stream) string {
			s.Join("j", topology.Table[string, string]{}, topology.Inner(both))
			return here(-1)
		}, "j: the table to join with is the zero value: use what a method of the topology has returned"},
		{"zero global", func(tp *topology.Topology, s stream) string {
			s.JoinGlobal("j", topology.GlobalTable[string, string]{}, upper, topology.Inner(both))
			return here(-1)
		}, "j: the global table to join with is the zero value: use what Topology.GlobalTable has returned"},
		{"another topology", func(tp *topology.Topology, s stream) string {
			s.Merge(topology.New("another").Stream("b", str, str))
			return here(-1)
		}, `a stream to merge with belongs to another topology, "another": declare it in this one`},
		{"another topology's table", func(tp *topology.Topology, s stream) string {
			s.Join("j", topology.New("another").Table("b", str, str), topology.Inner(both))
			return here(-1)
		}, `j: the table to join with belongs to another topology, "another": declare it in this one`},
		{"another topology's global table", func(tp *topology.Topology, s stream) string {
			s.JoinGlobal("j", topology.New("another").GlobalTable("b", str, str), upper, topology.Inner(both))
			return here(-1)
		}, `j: the global table to join with belongs to another topology, "another": declare it in this one`},
		{"another topology's store", func(tp *topology.Topology, s stream) string {
			s.ProcessFunc("p", func(topology.Context[string, string], *topology.Record[string, string]) error { return nil }, topology.New("another").Store("b", str, str))
			return here(-1)
		}, `p: store b belongs to another topology, "another": declare it in this one`},
		{"key without serde", func(tp *topology.Topology, s stream) string {
			s.GroupBy("g", func(v string) point { return point{} })
			return here(-1)
		}, "g: keys of type topology_test.point need a serde of their own, for their bytes decide the partition: use WithKeySerde or KeySerde, or topology.Register"},
		{"sink key without serde", func(tp *topology.Topology, s stream) string {
			s.SelectKey(func(v string) point { return point{} }).To("out")
			return here(-1)
		}, "out: keys of type topology_test.point need a serde of their own"},
		{"value without serde", func(tp *topology.Topology, s stream) string {
			s.MapValues(func(v string) chan int { return nil }).To("out")
			return here(-1)
		}, "out: there is no serde for values of type chan int: use WithValueSerde or ValueSerde, or topology.Register"},
		{"accumulator without serde", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Aggregate("st", func(a func(), v string) func() { return a })
			return here(-1)
		}, "st: there is no serde for values of type func()"},
		{"join of different keys", func(tp *topology.Topology, s stream) string {
			s.Join("j", tp.Table("tb", other[string]{str}, str), topology.Inner(both))
			return here(-1)
		}, "j: the stream's keys are written as string and those of table tb as other string, so that equal keys lie in different partitions: write both in one way, with WithKeySerde and Repartition"},
		{"window size", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Tumbling(0))
			return here(-1)
		}, "the size of the windows, 0s, is not positive: give one millisecond or more"},
		{"window advance", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Hopping(time.Second, 0))
			return here(-1)
		}, "the advance of the windows, 0s, is not positive"},
		{"window gap", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Hopping(time.Second, time.Minute))
			return here(-1)
		}, "the advance of the windows, 1m0s, is larger than their size 1s, so that records would fall between them: make it smaller"},
		{"window grace", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Tumbling(time.Second).Grace(-1 * time.Second))
			return here(-1)
		}, "the grace of the windows, -1s, is negative: give 0 or more"},
		{"window without end", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Tumbling(time.Hour).Grace(time.Duration(math.MaxInt64).Truncate(time.Millisecond)))
			return here(-1)
		}, "the size and the grace of the windows, 1h0m0s and 2562047h47m16.854s, are more together than a time.Duration holds, 292 years: make one smaller"},
		{"window nanoseconds", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Tumbling(time.Millisecond + 1))
			return here(-1)
		}, "the size of the windows, 1.000001ms, is not a whole number of milliseconds: round it"},
		{"zero windows", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Windows{})
			return here(-1)
		}, "the windows are the zero value: use Tumbling, Hopping or Sessions"},
		{"offset of sessions", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Sessions(time.Second).Offset(time.Second))
			return here(-1)
		}, "tumbling and hopping windows have an offset, and these are sessions: leave Offset out"},
		{"cumulating windows", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Cumulating(time.Minute, 7*time.Second))
			return here(-1)
		}, "the size of the windows, 1m0s, is no multiple of their step 7s: make it one, so that the last step is a whole one"},
		{"days nowhere", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Days(nil))
			return here(-1)
		}, "the time zone of the windows is nil, which differs from machine to machine: give one by name, as time.LoadLocation does"},
		{"days of the machine", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Months(time.Local))
			return here(-1)
		}, "the time zone of the windows is time.Local, which differs from machine to machine"},
		{"weeks of nine days", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Weeks(time.UTC, 8))
			return here(-1)
		}, "the first day of the weeks, 8, is no day of the week: give one as time.Monday"},
		{"sessions without Merge", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Sessions(time.Second)).AggregateWith("agg", topology.Fold(func(a, _ string) string { return a }))
			return here(-1)
		}, "agg: sessions become one where a record comes between them, and it is not said how their accumulators do: use AggregateWith and give the aggregator a function with Merge, such as Fold(add).Merge(f)"},
		{"sessions with a negative gap", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Sessions(-1 * time.Second))
			return here(-1)
		}, "the gap of the sessions, -1s, is negative: give 0 or more"},
		{"sessions with a part of a millisecond", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Sessions(time.Millisecond + 1))
			return here(-1)
		}, "the gap of the windows, 1.000001ms, is not a whole number of milliseconds: round it"},
		{"sliding windows with a negative difference", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Sliding(-1 * time.Second))
			return here(-1)
		}, "the difference of the sliding windows, -1s, is negative: give 0 or more"},
		{"sliding windows with a part of a millisecond", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Sliding(time.Millisecond + 1))
			return here(-1)
		}, "the difference of the windows, 1.000001ms, is not a whole number of milliseconds: round it"},
		{"sliding windows without end", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Sliding(200 * 365 * 24 * time.Hour))
			return here(-1)
		}, "the difference of the sliding windows, 1752000h0m0s, is longer than 146 years: make it smaller"},
		{"sliding windows and their grace", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Sliding(100 * 365 * 24 * time.Hour).Grace(100 * 365 * 24 * time.Hour))
			return here(-1)
		}, "the size and the grace of the windows, 876000h0m0s and 876000h0m0s, are more together than a time.Duration holds, 292 years, with the size twice, for windows are kept for that long: make one smaller"},
		{"offset of sliding windows", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Sliding(time.Second).Offset(time.Second))
			return here(-1)
		}, "tumbling and hopping windows have an offset, and these are sliding: leave Offset out"},
		{"two policies", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Tumbling(time.Second)).Count("n").Final().EachUpdate()
			return here(-1)
		}, "n: it is said at " + here(-2) + " already that this table forwards final, and here each-update: say one"},
		{"partitions", func(tp *topology.Topology, s stream) string {
			s.Repartition("r", topology.Partitions(0))
			return here(-1)
		}, "r: 0 partitions: give at least one, or leave the option out"},
		{"two times", func(tp *topology.Topology, s stream) string {
			tp.Stream("x", str, str, topology.TimeFromWallClock, topology.TimeFromValue(func(string) time.Time { return time.Time{} }))
			return here(-1)
		}, "x: 2 options say where the time comes from: give one"},
		{"nil time", func(tp *topology.Topology, s stream) string {
			tp.Stream("x", str, str, topology.TimeFromValue[string](nil))
			return here(-1)
		}, "x: the function for the time is nil: give a function, or leave the option out to take the message's timestamp"},
		{"nil option", func(tp *topology.Topology, s stream) string {
			tp.Stream("x", str, str, nil)
			return here(-1)
		}, "x: an option is nil: leave it out"},
		{"one topic with two times", func(tp *topology.Topology, s stream) string {
			tp.Stream("in", str, str, topology.TimeFromWallClock)
			return here(-1)
		}, `in: topic "in" is read at `},
		{"one topic once timeless", func(tp *topology.Topology, s stream) string {
			tp.Stream("in", str, str, topology.Timeless)
			return here(-1)
		}, "and timeless at one of the two places only: say it at both"},
		{"repartition topic like an input", func(tp *topology.Topology, s stream) string {
			s.Repartition("in")
			return here(-1)
		}, "in: the topic read at "},
		{"time store", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Tumbling(time.Second)).Count("in-time")
			return here(-1)
		}, "in-time: the store's name is the one of the time of sub-topology in: choose another"},
		{"changelog as output", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Count("n").ToStream().To("test-n-changelog")
			return here(-1)
		}, "test-n-changelog: this topic is the changelog of store n, which is internal: write to another topic"},
		{"changelog of time as output", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Tumbling(time.Second)).Count("n")
			s.To("test-in-time-changelog")
			return here(-1)
		}, "test-in-time-changelog: this topic is the changelog of store in-time, which is internal"},
		{"repartition topic as output", func(tp *topology.Topology, s stream) string {
			s.Repartition("r").GroupByKey().Count("n")
			s.To("test-r-repartition")
			return here(-1)
		}, "test-r-repartition: this topic is the repartition topic r, which is internal"},
		{"loop", func(tp *topology.Topology, s stream) string {
			s.MapValues(upper).To("in")
			return here(-1)
		}, "in: what is written to this topic is read again by what writes it: loops are not supported, write to another topic"},
		{"loop over a repartition topic", func(tp *topology.Topology, s stream) string {
			s.Repartition("r").To("in")
			return here(-1)
		}, "in: what is written to this topic is read again by what writes it"},
		{"join with what has not been repartitioned", func(tp *topology.Topology, s stream) string {
			latest := s.ToTable("latest")
			s.SelectKey(strings.ToUpper).Repartition("r").Join("j", latest, topology.Inner(func(a, b string) string { return a + b })).To("out")
			return here(-1)
		}, "r: what goes through this repartition topic meets, by way of a table, a store or a merged stream, what has not gone through one: the task that reads it would wait for itself. Put Repartition before the other side too"},
		{"merge with what has not been repartitioned", func(tp *topology.Topology, s stream) string {
			s.SelectKey(strings.ToUpper).Repartition("r").GroupByKey().Count("n").ToStream().
				MapValues(func(n int64) string { return strconv.FormatInt(n, 10) }).Merge(s).To("out")
			return here(-2)
		}, "r: what goes through this repartition topic meets"},
		{"store on both sides of a repartition topic", func(tp *topology.Topology, s stream) string {
			st := tp.Store("st", serde.String(), serde.String())
			nothing := func(topology.Context[string, string], *topology.Record[string, string]) error { return nil }
			s.ProcessFunc("before", nothing, st).Discard()
			s.SelectKey(strings.ToUpper).Repartition("r").ProcessFunc("behind", nothing, st).Discard()
			return here(-1)
		}, "behind: store st is shared with before at "},
		{"retention of nothing", func(tp *topology.Topology, s stream) string {
			tp.WindowStore("st", serde.String(), serde.String(), 0)
			return here(-1)
		}, "st: the retention, 0s, is too short: give 1ms or more"},
		{"retention of half a millisecond", func(tp *topology.Topology, s stream) string {
			tp.SessionStore("st", serde.String(), serde.String(), 1500*time.Microsecond)
			return here(-1)
		}, "st: the retention, 1.5ms, is not a whole number of milliseconds: round it"},
		{"history of a store that is negative", func(tp *topology.Topology, s stream) string {
			tp.VersionedStore("st", serde.String(), serde.String(), -time.Hour)
			return here(-1)
		}, "st: the history, -1h0m0s, is too short: give 0s or more"},
		{"history of a store that is too long", func(tp *topology.Topology, s stream) string {
			tp.VersionedStore("st", serde.String(), serde.String(), math.MaxInt64)
			return here(-1)
		}, "st: the history, 2562047h47m16.854775807s, is longer than 146 years: make it shorter"},
		{"zero store", func(tp *topology.Topology, s stream) string {
			s.ProcessFunc("p", func(topology.Context[string, string], *topology.Record[string, string]) error { return nil },
				topology.WindowStoreRef[string, string]{}).Discard()
			return here(-2)
		}, "p: a store is the zero value: use what a method of the topology, such as Store, has returned"},
		{"zero versioned store", func(tp *topology.Topology, s stream) string {
			s.ProcessFunc("p", func(topology.Context[string, string], *topology.Record[string, string]) error { return nil },
				topology.VersionedStoreRef[string, string]{}).Discard()
			return here(-2)
		}, "p: a store is the zero value"},
		{"time limit of a table that forwards at the commit", func(tp *topology.Topology, s stream) string {
			s.ToTable("tb").Suppress("h", topology.UntilTimeLimit(time.Second)).ToStream().To("out")
			return here(-1)
		}, "h: which updates a time limit lets through would depend on more than the input, because table tb forwards what it has when something is committed: say EachUpdate there. Or say KafkaStreamsTime, time: kafka-streams"},
		{"time limit behind a repartition topic", func(tp *topology.Topology, s stream) string {
			s.SelectKey(upper).Repartition("r").ToTable("tb").EachUpdate().Suppress("h", topology.UntilTimeLimit(time.Second)).ToStream().To("out")
			return here(-1)
		}, "because what comes through the repartition topic r comes in the order in which it was written: put InOrder before the table"},
		{"time limit of two topics", func(tp *topology.Topology, s stream) string {
			s.Merge(tp.Stream("other", str, str)).ToTable("tb").EachUpdate().Suppress("h", topology.UntilTimeLimit(time.Second)).ToStream().To("out")
			return here(-1)
		}, "come in the order in which they are read: put InOrder before the table"},
		{"no time limit", func(tp *topology.Topology, s stream) string {
			s.ToTable("tb").EachUpdate().Suppress("h", topology.UntilTimeLimit(0)).ToStream().To("out")
			return here(-1)
		}, "h: the time limit 0s holds nothing back: give more, or leave Suppress out"},
		{"no windows to close", func(tp *topology.Topology, s stream) string {
			s.ToTable("tb").EachUpdate().Suppress("h", topology.UntilWindowCloses()).ToStream().To("out")
			return here(-1)
		}, "h: the rows of this table have no windows that close: use UntilTimeLimit, or Window before the aggregation"},
		{"final already", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Window(topology.Tumbling(time.Second)).Count("n").Final().MapValues(func(n int64) string { return "" }).Suppress("h", topology.UntilWindowCloses()).
				Stream(func(_ topology.Window, k string) string { return k }).To("out")
			return here(-2)
		}, "h: table n forwards final results already: leave Final or Suppress out"},
		{"bound of suppress", func(tp *topology.Topology, s stream) string {
			s.ToTable("tb").EachUpdate().Suppress("h", topology.UntilTimeLimit(time.Second).MaxRecords(1)).ToStream().To("out")
			return here(-1)
		}, "h: how much is held at a time depends on what is read when, and so would the results of a bound: leave it out, the buffer lies on disk; or say KafkaStreamsTime"},
		{"nothing to be full", func(tp *topology.Topology, s stream) string {
			s.ToTable("tb").EachUpdate().Suppress("h", topology.UntilTimeLimit(time.Second).FailWhenFull()).ToStream().To("out")
			return here(-1)
		}, "h: it is to fail when it is full, and has no bound: give MaxRecords or MaxBytes, or leave FailWhenFull out"},
		{"emission of a suppressed table", func(tp *topology.Topology, s stream) string {
			s.ToTable("tb").EachUpdate().Suppress("h", topology.UntilTimeLimit(time.Second)).EachUpdate().ToStream().To("out")
			return here(-1)
		}, "h: Suppress says when this table forwards: leave out that it forwards each-update"},
		{"look-up in a suppressed table", func(tp *topology.Topology, s stream) string {
			t := s.ToTable("tb").EachUpdate().Suppress("h", topology.UntilTimeLimit(time.Second))
			s.Join("j", t, concat).To("out")
			return here(-1)
		}, "j: it looks up rows of table h, which knows of rows only what it holds back: put ToStream and ToTable behind Suppress, or Suppress behind this"},
		{"position of a file", func(tp *topology.Topology, s stream) string {
			tp.ForFiles(door.Key{}).At("job.yaml:3:7")
			s.Filter(nil)
			return "job.yaml:3:7"
		}, "filter-1: the predicate is nil"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tp, s := text()
			pos := tt.build(tp, s)
			_, err := tp.Build()
			if err == nil {
				t.Fatal("no error")
			}
			all := err.(interface{ Unwrap() []error }).Unwrap()
			if len(all) != 1 {
				t.Errorf("%d mistakes: %v", len(all), err)
			}
			var m *topology.Mistake
			if !errors.As(err, &m) {
				t.Fatalf("no mistake: %v", err)
			}
			if m.Pos != pos || !strings.HasPrefix(err.Error(), pos+": ") {
				t.Errorf("at %s, want %s", m.Pos, pos)
			}
			if !sameButLines(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// sameButLines reports whether want is in got, but for line numbers: those of other calls are noted
// beside them.
func sameButLines(got, want string) bool {
	strip := func(s string) string {
		parts := strings.Split(s, "build_test.go:")
		for i := range parts[1:] {
			parts[i+1] = strings.TrimLeft(parts[i+1], "0123456789")
		}
		return strings.Join(parts, "build_test.go:")
	}
	return strings.Contains(strip(got), strip(want))
}

// Build returns all mistakes, and those of an earlier Build do not stay.
func TestBuildReturnsAllMistakes(t *testing.T) {
	tp, s := text()
	s.Filter(nil).MapValues[int](nil).To("a b")
	for range 2 {
		_, err := tp.Build()
		if n := len(err.(interface{ Unwrap() []error }).Unwrap()); n != 3 {
			t.Errorf("%d mistakes: %v", n, err)
		}
	}
	_, err := topology.New("").Build()
	if err == nil || !strings.Contains(err.Error(), `the topology's name "" is empty`) || !strings.Contains(err.Error(), "it reads no topic: begin with Stream or Table") {
		t.Errorf("got %v", err)
	}
}

// A serde registered after its use counts, for keys and values.
func TestRegister(t *testing.T) {
	tp := topology.New("test")
	s := tp.Stream("in", serde.String(), serde.JSON[point]())
	s.SelectKey(func(p point) point { return p }).MapValues(func(p point) int64 { return int64(p.X) }).To("out")
	topology.Register(tp, other[point]{serde.JSON[point]()})
	topology.Register(tp, num())
	r := newRig(t, tp)
	r.in(msg("in", "a", `{"X":1,"Y":2}`, 1))
	r.want(`out {"X":1,"Y":2}:1 @1`)
	sub := r.plan.Describe().SubTopologies[0]
	if n := sub.Nodes[len(sub.Nodes)-1]; n.Key != "other json" || n.Value != "decimal" {
		t.Errorf("sink %+v", n)
	}
}

// Serdes are inherited while types stay the same, also across operators that change keys or values.
func TestSerdesAreInherited(t *testing.T) {
	tp := topology.New("test")
	s := tp.Stream("in", other[string]{serde.String()}, num())
	s.MapValues(func(v int64) int64 { return -v }).SelectKey(func(int64) string { return "k" }).To("same")
	s.MapValues(func(v int64) int32 { return 1 }).MapValues(func(int32) int64 { return 2 }).To("changed")
	s.WithValueSerde(serde.Int64()).GroupBy("g", func(int64) string { return "g" }, topology.KeySerde(serde.String())).
		Reduce("sum", func(a, b int64) int64 { return a + b }).ToStream().To("sums")
	plan, err := tp.Build()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"same": "other string decimal", "changed": "other string int64", "g": "string int64", "sums": "string int64"}
	for _, sub := range plan.Describe().SubTopologies {
		for _, n := range sub.Nodes {
			if w, ok := want[n.Name]; ok && n.Key != "" && n.Key+" "+n.Value != w {
				t.Errorf("%s: %s %s, want %s", n.Name, n.Key, n.Value, w)
			}
		}
	}
}

// A plan does not change when its topology goes on.
func TestPlanIsImmutable(t *testing.T) {
	tp, s := text()
	sp := s.Split("sp")
	sp.Branch("even", even).To("even")
	n := s.GroupByKey().Count("n")
	n.ToStream().MapValues(letters).To("out")
	r := newRig(t, tp)
	before := r.plan.Describe().String()
	sp.Branch("odd", func(string) bool { return true }).To("odd")
	sp.Rest().To("rest")
	n.EachUpdate()
	n.ToStream().To("more")
	s.To("copy")
	if got := r.plan.Describe().String(); got != before {
		t.Errorf("changed:\n%s", got)
	}
	r.restart()
	r.in(msg("in", "a", "x", 1), msg("in", "a", "xx", 2))
	r.commit()
	r.want("even a:xx @2", "out a:xx @2")
	after, err := tp.Build()
	if err != nil {
		t.Fatal(err)
	}
	if after.Fingerprint() == r.plan.Fingerprint() {
		t.Error("same fingerprint")
	}
	if _, err := after.ForRuntime(flow.Key{}).NewGraph(r.plan.ForRuntime(flow.Key{}).SubTopologies[0], r.reader("in", false)); err == nil {
		t.Error("a sub-topology of another plan is accepted")
	}
}

// The methods of zero handles panic with a message: they have nowhere to keep a mistake.
func TestZeroHandles(t *testing.T) {
	for name, f := range map[string]func(){
		"Stream":        func() { stream{}.Filter(even) },
		"Table":         func() { topology.Table[string, string]{}.ToStream() },
		"WindowedTable": func() { topology.WindowedTable[string, string]{}.Final() },
		"Stream ":       func() { topology.Grouped[string, string]{}.Count("n") },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, "zero "+strings.TrimSpace(name)+" was called") {
					t.Errorf("%s: %s", name, got)
				}
			}()
			f()
		}()
	}
}

func TestPositionsAreOfThisFile(t *testing.T) {
	tp, s := text()
	s.Filter(nil)
	_, err := tp.Build()
	var m *topology.Mistake
	if !errors.As(err, &m) || !strings.HasPrefix(filepath.Base(m.Pos), "build_test.go:") {
		t.Errorf("got %v", err)
	}
}
