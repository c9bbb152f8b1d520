// Package topology is the language in which stream programs are written: typed from source to sink, and checked as a whole before
// anything runs.
//
//	t := topology.New("flight-delays")
//	airports := t.GlobalTable("airports", serde.String(), serde.JSON[Airport]())
//	t.Stream("flights", serde.String(), serde.JSON[Flight]()).
//		Filter(Flight.Departed).
//		JoinGlobal("airport", airports, Flight.Origin, located).
//		GroupBy("state", Delay.State).
//		Window(topology.Tumbling(time.Hour).Grace(10 * time.Minute)).
//		Aggregate("delays", Stats.Add).
//		Final().
//		Stream(byState).
//		To("delays-by-state")
//	plan, err := t.Build()
//
// Handles ([Stream], [Table], [Grouped], ...) are small values; their methods add nodes to the [Topology] and return new handles. Plain
// functions take values, record forms (FilterRecords, MapRecords, ...) take a [Record] with key, timestamp and headers, and forms with Try
// in their name take functions that can fail.
//
// # Functions
//
// A topology's functions are called by its tasks, of which a process runs many at once: they must be safe for concurrent use. A record may be
// processed again, after a transaction that failed, so what functions return should depend on their arguments alone, and what has to last belongs
// in a store. An error of a form with Try, a panic, and bytes that a serde cannot read go to the error policy of the processor (or of the test
// driver), with topic, partition and offset of the record.
//
// # Time
//
// Timestamps are event time, in milliseconds since 1970 UTC: those of the messages, or what an option of the source computes ([TimeFromValue]).
// A record is late for a window if its source partition has shown a timestamp that passed the window's end and grace before; windows close when
// all inputs have passed it. Late records are dropped and counted.
//
// # Names
//
// What owns a topic or a store is given a name by its author, always as the first argument: it names the store, the changelog topic or the
// repartition topic, and state stays with it when the program around it changes. Operators without state are numbered.
//
// # Serdes
//
// Keys and values are written with the serdes that the sources were given, as long as their types do not change; after that with the serde
// of their type: the one given to [Register], the built-in one of a scalar, for values of structs JSON. WithKeySerde, WithValueSerde, [KeySerde]
// and [ValueSerde] say otherwise. Keys that are no scalars need a serde of their own.
//
// What nobody looks at is not decoded: a stream that goes from one topic to another, or is counted by key, passes bytes on as they
// came, valid or not.
//
// # Plans
//
// [Topology.Build] returns a [Plan], or all mistakes at once. The plan is cut into sub-topologies at repartition topics; a task runs one
// sub-topology for one partition with [Plan.NewGraph].
package topology
