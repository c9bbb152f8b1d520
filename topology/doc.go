// Package topology is the language in which stream programs are written: typed from source to sink,
// and checked as a whole before anything runs. It knows neither Kafka nor a database; package
// processor runs what is written in it, and package processortest runs it in a test.
//
// This program counts the delays of flights by state and hour:
//
//	package main
//
//	import (
//		"context"
//		"log"
//		"os"
//		"os/signal"
//		"time"
//
//		"github.com/kolkstream/kolk/processor"
//		"github.com/kolkstream/kolk/serde"
//		"github.com/kolkstream/kolk/topology"
//	)
//
//	type Flight struct {
//		Origin    string
//		Minutes   int
//		Scheduled time.Time
//	}
//
//	type Airport struct{ State string }
//
//	type Delay struct {
//		State   string
//		Minutes int
//	}
//
//	type Stats struct{ Flights, Minutes int }
//
//	func (f Flight) Time() time.Time       { return f.Scheduled }
//	func (f Flight) Late() bool            { return f.Minutes > 0 }
//	func (f Flight) Airport() string       { return f.Origin }
//	func (f Flight) From(a Airport) Delay  { return Delay{a.State, f.Minutes} }
//	func (d Delay) ByState() string        { return d.State }
//	func (s Stats) Add(d Delay) Stats      { return Stats{s.Flights + 1, s.Minutes + d.Minutes} }
//
//	func main() {
//		t := topology.New("flight-delays")
//		airports := t.GlobalTable("airports", serde.String(), serde.JSON[Airport]())
//		t.Stream("flights", serde.String(), serde.JSON[Flight](),
//			topology.TimeFromValue(Flight.Time)).
//			Filter(Flight.Late).
//			JoinGlobal("airport", airports, Flight.Airport, topology.Inner(Flight.From)).
//			GroupBy("state", Delay.ByState).
//			Window(topology.Tumbling(time.Hour).Grace(10 * time.Minute)).
//			Aggregate("delays", Stats.Add).
//			Final().
//			Stream(func(w topology.Window, state string) string { return state }).
//			To("delays-by-state")
//		plan, err := t.Build()
//		if err != nil {
//			log.Fatal(err)
//		}
//		app, err := processor.New(plan, processor.Config{
//			Brokers:  []string{"localhost:9092"},
//			StateDir: "state",
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
// # Handles
//
// [Stream], [Table], [Grouped] and the others are small values, called handles. Their methods add
// nodes to the [Topology] and return new handles. A handle may be used any number of times, and a
// copy of it is the same. A topology and its handles are used by one goroutine.
//
// No method returns an error. Mistakes are kept, with the file and line of the call, until
// [Topology.Build] returns them all.
//
// # Functions
//
// Most operators take functions of values. Record forms (FilterRecords, MapRecords,
// AggregateRecords, ...) take functions that see a whole [Record] with key, timestamp and headers.
// Forms with Try in their name take functions that can fail.
//
// How values are folded into an accumulator is an [Aggregator], made by [Fold], [TryFold] or
// [FoldOpt]. How two sides of a join become one value, and what becomes of a record that finds
// nothing, is a [Joiner], made by [Inner], [Left] and others.
//
// Functions are called by the tasks of a topology, of which a process runs many at once: they must
// be safe for concurrent use. A record may be processed again, after a transaction that failed. So
// what functions return should depend on their arguments alone, and what has to last belongs in a
// store. An error of a form with Try, a panic, and bytes that a serde cannot read go to the error
// policy of the processor, or of the test driver, with topic, partition and offset of the record.
//
// # Time
//
// Timestamps are event time, in milliseconds since 1970 UTC: those of the messages, or what an
// option of the source computes ([TimeFromValue]). A record is late for a window if its source
// partition has shown a timestamp that passed the window's end and grace before; windows close when
// all inputs have passed it. Late records are dropped and counted.
//
// # Names
//
// What owns a topic or a store is given a name by its author, always as the first argument: it
// names the store, the changelog topic or the repartition topic, and state stays with it when the
// program around it changes. Operators without state are numbered.
//
// # Serdes
//
// Keys and values are written with the serdes that the sources were given, as long as their types
// do not change. After that they are written with the serde of their type: the one given to
// [Register], the built-in one of a scalar, and JSON for values of structs. WithKeySerde,
// WithValueSerde, [KeySerde] and [ValueSerde] say otherwise. Keys that are no scalars need a serde
// of their own.
//
// What nobody looks at is not decoded: a stream that goes from one topic to another, or is counted
// by key, passes bytes on as they came, valid or not.
//
// # Plans
//
// [Topology.Build] returns a [Plan]. It is cut into sub-topologies at repartition topics; a task
// runs one sub-topology for one partition. [Plan.Describe] says what a plan consists of, as text,
// JSON or a drawing.
package topology
