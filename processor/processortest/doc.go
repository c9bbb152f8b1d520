// Package processortest runs a topology without a broker: the production task loop on topics in
// memory, in the test's own goroutine, with a clock that only the test moves. A test takes
// milliseconds, and comes to the same result each time.
//
// This is a whole test. It says that what was committed survives the loss of the machine, that a
// window comes out once, and that a record which comes too late is counted as dropped:
//
//	package totals
//
//	import (
//		"testing"
//		"time"
//
//		"github.com/kolkstream/kolk/processor/processortest"
//		"github.com/kolkstream/kolk/serde"
//		"github.com/kolkstream/kolk/topology"
//	)
//
//	func TestTotals(t *testing.T) {
//		top := topology.New("totals")
//		top.Stream("amounts", serde.String(), serde.Int64()).
//			GroupByKey().
//			Window(topology.Tumbling(time.Minute)).
//			Reduce("totals", func(a, b int64) int64 { return a + b }).
//			Final().
//			Stream(func(_ topology.Window, user string) string { return user }).
//			To("totals-by-minute")
//		plan, err := top.Build()
//		if err != nil {
//			t.Fatal(err)
//		}
//		d := processortest.New(t, plan, processortest.Options{})
//		amounts := d.Input("amounts", serde.String(), serde.Int64())
//		totals := d.Output("totals-by-minute", serde.String(), serde.Int64())
//
//		amounts.Send("ann", 3, 1_000)
//		d.CrashLosingState()
//		amounts.Send("ann", 4, 2_000)
//		d.AdvanceTime(60_000)
//		if got := totals.Next(); len(got) != 1 || got[0].Key != "ann" || got[0].Value != 7 {
//			t.Errorf("%+v; want a total of 7", got)
//		}
//
//		amounts.Send("ann", 5, 3_000)
//		if n := d.Dropped("totals", topology.LateRecord); n != 1 {
//			t.Errorf("%d records late, want 1: %+v", n, d.Stats().Dropped)
//		}
//	}
//
// # What runs
//
// What runs is what runs in production: tasks, overlays, changelogs, announcements of time,
// commits. Repartition topics are looped back, global tables read, windows close when task time
// says so. What does not run is what has to do with brokers and machines: groups, transactions of
// the client, restores on several goroutines, databases on disk.
//
// The memory of a message is overwritten when a task has processed it, as it is used again in
// production: a function that keeps a part of what it was handed is found here.
//
// # Input and output
//
// [Driver.Input] and [Driver.Output] are typed; timestamps are milliseconds since 1970 UTC. Send
// processes the record and everything that comes of it, and commits as [Options].CommitEvery says.
// Append only appends, and [Driver.Run] processes: so records of several topics and partitions are
// there before the first is read. [Options].Partitions gives topics more than one partition, and
// [Input.To] chooses among them. [Output.Next] returns what is new since the last call, with keys,
// values, timestamps and headers; [Driver.Store] what a store or a global table holds. Both have
// what is committed, as other programs would see it.
//
// # Time
//
// Event time comes with the records; [Driver.AdvanceTime] moves it without one. The wall clock
// stands at [Options].Now until [Driver.Advance] moves it: then inputs become idle, and wall-clock
// punctuations are called. A bounded run (as with --until-end) is Append for the input and
// [Driver.EndOfInput] at its end, which closes all windows.
//
// # Failures
//
// Between any two steps of a test, [Driver.Restart] stops the tasks and starts them again,
// [Driver.Crash] loses what was not committed, and [Driver.CrashLosingState] the local state too,
// which is then restored from the changelogs. With CommitEvery: -1 nothing is committed but by
// [Driver.Commit] and Restart, so that there is something to lose.
//
// A record that a function or a serde fails on ends the test, with a [RecordError] that names the
// record and the operator. The methods whose names begin with Try return it instead, and with the
// policy [Skip] the record is dropped and counted. What became of records that came to nothing is
// in [Driver.Stats], by node and reason, and [Driver.Dropped] looks it up. The log of a test that
// fails has the first error of each node.
//
// # Tests that are texts
//
// Package script, below this one, runs tests that are commands and what they print, which can be
// written anew when it changes. Package yamltest, and the command kolk test, run tests in YAML that
// stand beside topologies in YAML.
//
// A Driver is used by one goroutine, and closed when the test ends.
package processortest
