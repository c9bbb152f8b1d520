// Package processortest runs a topology without a broker: the production task loop on topics in memory, in the test's own
// goroutine, with a clock that only the test moves.
//
//	d := processortest.New(t, plan, processortest.Options{})
//	orders := d.Input("orders", serde.String(), serde.JSON[Order]())
//	totals := d.Output("totals", serde.String(), serde.Int64())
//	orders.Send("a", Order{Amount: 3}, 1_000)
//	got := totals.Records()
//
// What runs is what runs in production: tasks, overlays, changelogs, announcements of time, commits. Repartition topics are
// looped back, global tables read, windows close when task time says so. [Driver.Crash] loses what was not committed,
// [Driver.CrashLosingState] the local state too, which is then restored from the changelogs.
//
// A bounded run (as with --until-end) is [Driver.Append] for the input and [Driver.EndOfInput] at its end.
package processortest
