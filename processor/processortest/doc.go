// Package processortest runs a topology without a broker: the production task loop on topics in
// memory, in the test's own goroutine, with a clock that only the test moves. A test takes
// milliseconds, and comes to the same result each time.
//
// This is a whole test. It says that what was committed survives the loss of the machine:
//
//	package totals
//
//	import (
//		"testing"
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
//			Reduce("totals", func(a, b int64) int64 { return a + b }).
//			EachUpdate().
//			ToStream().
//			To("totals")
//		plan, err := top.Build()
//		if err != nil {
//			t.Fatal(err)
//		}
//		d := processortest.New(t, plan, processortest.Options{})
//		amounts := d.Input("amounts", serde.String(), serde.Int64())
//		totals := d.Output("totals", serde.String(), serde.Int64())
//
//		amounts.Send("a", 3, 1_000)
//		d.CrashLosingState()
//		amounts.Send("a", 4, 2_000)
//
//		for i, want := range []int64{3, 7} {
//			if got := totals.Records()[i]; got.Key != "a" || got.Value != want {
//				t.Errorf("%+v; want a total of %d", got, want)
//			}
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
// Append only appends, and [Driver.Run] processes. [Driver.Store] shows what a store holds.
//
// # Time
//
// Event time comes with the records. The clock stands at [Options].Now until [Driver.Advance] moves
// it: then inputs become idle, and wall-clock punctuations are called. A bounded run (as with
// --until-end) is Append for the input and [Driver.EndOfInput] at its end, which closes all
// windows.
//
// # Failures
//
// [Driver.Crash] loses what was not committed, [Driver.CrashLosingState] the local state too, which
// is then restored from the changelogs. Errors end the test with [testing.TB.Fatalf], unless the
// name of the method begins with Try. A Driver is used by one goroutine, and closed when the test
// ends.
package processortest
