// Package processor runs topologies: it joins the consumer group of an application, keeps the state
// of the tasks that it is given, and commits what they do exactly once. The topology is written
// with package topology, or in YAML.
//
// This program counts orders by country, and goes on until it is interrupted:
//
//	package main
//
//	import (
//		"context"
//		"log"
//		"os"
//		"os/signal"
//
//		"github.com/kolkstream/kolk/processor"
//		"github.com/kolkstream/kolk/serde"
//		"github.com/kolkstream/kolk/topology"
//	)
//
//	type Order struct{ Country string }
//
//	func country(o Order) string { return o.Country }
//
//	func main() {
//		t := topology.New("orders-by-country")
//		t.Stream("orders", serde.String(), serde.JSON[Order]()).
//			GroupBy("country", country).
//			Count("orders-by-country").
//			ToStream().
//			To("orders-by-country")
//		plan, err := t.Build()
//		if err != nil {
//			log.Fatal(err)
//		}
//		app, err := processor.New(plan, processor.Config{
//			Brokers:  []string{"localhost:9092"},
//			StateDir: "/var/lib/orders-by-country",
//		})
//		if err != nil {
//			log.Fatal(err)
//		}
//		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
//		defer stop()
//		if err := app.Run(ctx); err != nil {
//			log.Fatal(err)
//		}
//	}
//
// # Instances
//
// An [App] is one instance of an application. Any number of instances, on any number of machines,
// share the work: the group gives each its tasks, and another one takes over within
// [Config.SessionTimeout] if one is gone. All instances have the same topology and the same
// application id; each has a state directory of its own. The directory is a copy: what is lost with
// it is restored from changelog topics.
//
// An instance has some workers ([Config.Workers]). A worker is a Kafka client, a transaction and a
// share of the tasks. A task is a sub-topology of the plan and a partition.
//
// # Commits
//
// A worker commits the offsets of its input, the changes of its stores and its output in one
// transaction, every [Config.CommitInterval] and earlier when there is nothing left to process.
// After a crash, here or at a broker, everything is as of the last commit, and the records after it
// are processed again. Readers that read committed records see each result once. With [AtLeastOnce]
// there is no transaction.
//
// # Ends
//
// [App.Run] ends when its context does: it commits what is in hand, and leaves the group. With
// [Config.UntilEnd] it ends by itself when everything is processed that was there when it began. In
// both cases it returns nil.
//
// What goes away by itself is no error: a broker that does not answer, a leader that moves, a
// transaction that is aborted, a group that meets. Run waits, begins anew where it has to, and says
// so in the log. Run returns an error that does not go away: a record that cannot be processed
// ([RecordError]), a topic that is missing ([MissingTopicsError]), a function that does not return
// ([StuckError]), state that does not fit ([StateDiffersError], [OffsetsPutBackError]). The errors
// say what the way out is. Nothing that was processed is lost by it.
//
// # Watching
//
// [App.Stats] returns counters, [App.State] where the instance is in its life. [Hook]s are told of
// commits, aborts, tasks and restores as they happen. [Config.Logger] gets what an operator should
// know.
//
// Errors, counters and what hooks are told are declared in package report, which lies below this
// one; they have the same names here, and the documentation of their fields and methods is there.
//
// # Tests
//
// Package processortest runs a topology in a test, in memory, without any of this. Package embedded
// runs a broker within a program.
package processor
