// Package script runs tests of topologies that are texts: commands, and what they print. A
// topology in Go and one in YAML are tested alike.
//
// This is a whole test. It runs every script in testdata, each on tasks of its own:
//
//	package totals
//
//	import (
//		"testing"
//
//		"github.com/kolkstream/kolk/processor/processortest"
//		"github.com/kolkstream/kolk/processor/processortest/script"
//		"github.com/kolkstream/kolk/serde"
//		"github.com/kolkstream/kolk/topology"
//	)
//
//	func TestTotals(t *testing.T) {
//		top := topology.New("totals")
//		top.Stream("amounts", serde.String(), serde.Int64()).
//			GroupByKey().
//			Reduce("totals", func(a, b int64) int64 { return a + b }).
//			ToStream().
//			To("totals")
//		plan, err := top.Build()
//		if err != nil {
//			t.Fatal(err)
//		}
//		script.Run(t, plan, "testdata/*.script", processortest.Options{})
//	}
//
// And this is a script:
//
//	# What was committed survives the loss of the machine.
//	pipe amounts
//	key=ann value=3 ts=1s
//	key=ann value=4 ts=2s
//	----
//
//	crash losing-state
//	----
//
//	store totals
//	----
//	key=ann value=7 ts=2s
//
//	output totals
//	----
//	key=ann value=3 ts=1s
//	key=ann value=7 ts=2s
//
// A command, with arguments and lines of input below it, stands before "----", and behind it, up to
// an empty line, what it prints. With
//
//	go test ./totals -rewrite
//
// what is printed is written into the scripts anew: write the commands, rewrite, and read what
// came. Lines that begin with # are comments. The format is that of
// github.com/cockroachdb/datadriven, whose subtests work, too.
//
// # Commands
//
//	pipe TOPIC [RECORD]      sends a record, or those in the lines below, one after the other, and
//	                         processes what comes of each
//	append TOPIC [RECORD]    appends records, and processes nothing
//	run                      processes what was appended
//	commit                   commits
//	advance TIME             moves event time on to TIME, without a record
//	wallclock DURATION       moves the wall clock on by DURATION
//	restart                  stops all tasks with a commit, and starts them again
//	crash [losing-state]     loses what was not committed, or the local state, too
//	end                      runs to the end of the input, as a bounded run: all windows close
//	output TOPIC...          prints what was committed to topics since they were last printed
//	store NAME               prints what a store, or a global table, holds
//	dropped [NODE]           prints how many records were dropped, by node and reason
//	new [partitions=N] [commit-every=N] [on-error=skip]
//	                         begins anew, with other options
//
// A command that fails prints "error: " and why. The tasks are back at their last commit then.
//
// # Records
//
// A record is a line of
//
//	key=KEY value=VALUE ts=TIME partition=N headers={"name":"text"}
//
// in any order. Without key, or value, it has none. Without ts it has the time of the record before
// it. Keys decide the partition if nothing else does.
//
// Keys and values are JSON, as the serdes of the topology read and write them: a serde that is
// called json its own, any other what package encoding/json makes of the Go value. Texts of letters
// and digits need no quotes. Times are what has passed since 1970, as 90s or 1h30m, numbers of
// milliseconds, or dates, as 2020-01-31T09:30:00Z. Only lines below a command may have blanks in
// values.
//
// What output prints is written in the same way, and can be sent again; of topics with several
// partitions it has the partition. Entries of stores with windows have window=START..END.
package script
