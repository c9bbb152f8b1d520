// Package types holds programs that must not compile. Each line with a mistake says in a comment which error the compiler reports there.
package types

import (
	"context"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

type flight struct {
	From  string
	Delay int
	At    time.Time
}

type airport struct{ State string }

func (f flight) from() string    { return f.From }
func (f flight) late() bool      { return f.Delay > 0 }
func (f flight) when() time.Time { return f.At }
func (a airport) state() string  { return a.State }

func add(n int64, f flight) int64 { return n + int64(f.Delay) }

func wrong() {
	t := topology.New("wrong")
	flights := t.Stream("flights", serde.String(), serde.JSON[flight]())
	airports := t.GlobalTable("airports", serde.String(), serde.JSON[airport]())
	table := t.Table("airports-by-id", serde.Int64(), serde.JSON[airport]())
	count := flights.GroupByKey().Count("n")
	daily := flights.GroupByKey().Window(topology.Tumbling(time.Hour)).Count("m")
	store := t.Store("s", serde.String(), serde.Int64())

	t.Stream[string, flight]("x", serde.Int64(), serde.JSON[flight]())                                             // ERROR cannot use serde.Int64
	t.Stream("x", serde.String(), serde.JSON[flight](), topology.TimeFromValue(airport.when))                      // ERROR airport.when undefined
	t.Stream("x", serde.String(), serde.JSON[airport](), topology.TimeFromValue(flight.when))                      // ERROR does not match|cannot use
	t.Stream("x", serde.String(), serde.JSON[flight](), topology.Partitions(3))                                    // ERROR does not match|cannot use
	flights.Filter(airport.state)                                                                                  // ERROR cannot use airport.state
	flights.Filter(flight.from)                                                                                    // ERROR cannot use flight.from
	flights.MapValues(airport.state)                                                                               // ERROR cannot use airport.state|does not match
	flights.TryMapValues(func(ctx context.Context, f flight) int { return 0 })                                     // ERROR cannot use func|does not match
	flights.MapValues(flight.from).Filter(flight.late)                                                             // ERROR cannot use flight.late
	flights.Merge(flights.MapValues(flight.from))                                                                  // ERROR cannot use flights.MapValues
	flights.SelectKey(func(f flight) int64 { return 1 }).Merge(flights)                                            // ERROR cannot use flights
	flights.WithKeySerde(serde.Int64())                                                                            // ERROR cannot use serde.Int64
	flights.WithValueSerde(serde.JSON[airport]())                                                                  // ERROR cannot use serde.JSON
	flights.JoinGlobal("a", airports, flight.late, topology.Inner(func(f flight, a airport) string { return "" })) // ERROR cannot use flight.late|does not match
	flights.JoinGlobal("a", airports, flight.from, topology.Inner(func(a airport, f flight) string { return "" })) // ERROR cannot use func|does not match
	flights.JoinGlobal("a", table, flight.from, topology.Inner(func(f flight, a airport) string { return "" }))    // ERROR cannot use table|does not match
	flights.JoinGlobal("a", airports, flight.from, topology.Left(func(f flight, a airport) string { return "" }))  // ERROR does not match
	flights.Join("a", table, topology.Inner(func(f flight, a airport) string { return "" }))                       // ERROR cannot use table|does not match
	flights.Join("a", count, topology.Inner(func(f flight, n int) string { return "" }))                           // ERROR cannot use func|does not match
	flights.Join("a", daily, topology.Inner(func(f flight, n int64) string { return "" }))                         // ERROR cannot use daily|does not match
	flights.Join("a", table, topology.Fold(add))                                                                   // ERROR cannot use topology.Fold|does not match|cannot use table
	flights.Join("a", count, topology.Left(func(f flight, n int64) string { return "" }))                          // ERROR cannot use func|does not match
	flights.GroupBy("g", flight.from, topology.KeySerde(serde.Int64()))                                            // ERROR cannot use topology.KeySerde|does not match
	flights.GroupBy("g", flight.from, topology.ValueSerde(serde.String()))                                         // ERROR cannot use topology.ValueSerde|does not match
	flights.GroupByKey().Aggregate("a", add, topology.KeySerde(serde.Int64()))                                     // ERROR cannot use topology.KeySerde|does not match
	flights.GroupByKey().Aggregate("a", func(n int64, a airport) int64 { return n })                               // ERROR cannot use func|does not match
	flights.GroupByKey().Aggregate("a", func(n int64, f flight) int { return 0 })                                  // ERROR cannot use func|does not match
	flights.GroupByKey().AggregateWith("a", add)                                                                   // ERROR cannot use add|does not match
	flights.GroupByKey().AggregateWith("a", topology.Fold(func(n int64, a airport) int64 { return n }))            // ERROR cannot use topology.Fold|does not match
	flights.GroupByKey().AggregateWith("a", topology.Fold(add).From(func() int { return 0 }))                      // ERROR cannot use .func
	flights.GroupByKey().AggregateWith("a", topology.Fold(add).Merge(add))                                         // ERROR cannot use add
	flights.GroupByKey().AggregateRecords("a", topology.Fold(add))                                                 // ERROR cannot use topology.Fold|does not match
	flights.GroupByKey().AggregateWith("a", topology.TryFold(add))                                                 // ERROR cannot use add|does not match
	flights.GroupByKey().Reduce("a", add)                                                                          // ERROR cannot use add
	flights.GroupByKey().Window(time.Hour)                                                                         // ERROR cannot use time.Hour
	flights.GroupByKey().Final()                                                                                   // ERROR Final undefined
	count.Final()                                                                                                  // ERROR Final undefined
	count.To("out")                                                                                                // ERROR To undefined
	daily.ToStream()                                                                                               // ERROR ToStream undefined
	daily.Stream(func(k string) string { return k })                                                               // ERROR cannot use func|does not match
	flights.Window(topology.Tumbling(time.Hour))                                                                   // ERROR Window undefined
	flights.Repartition("r", topology.KeySerde(serde.String()))                                                    // ERROR cannot use topology.KeySerde
	flights.Split("s").Branch("b", airport.state)                                                                  // ERROR cannot use airport.state
	flights.To("out", serde.String())                                                                              // ERROR too many arguments
	flights.Process("p", func(c topology.Context[string, int]) topology.Processor[string, int] { return nil })     // ERROR cannot use func|does not match
	flights.ProcessFunc("p", func(c topology.Context[string, int], r *topology.Record[string, flight]) error {
		n, _, err := store.Open(c).Get(1)    // ERROR cannot use 1
		c.Forward(r.With(r.Key, r.Value))    // ERROR cannot use r.With
		c.Forward(r.With(r.Key, n))          // ERROR cannot use r.With
		err = store.Open(c).Put(r.Key, "no") // ERROR cannot use "no"
		return err
	}, store, flights) // ERROR cannot use flights
	topology.Register[airport](t, serde.JSON[flight]()) // ERROR cannot use serde.JSON
}
