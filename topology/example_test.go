package topology_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// The types of the examples.
type (
	Flight struct {
		Origin  string
		Minutes int
		Date    time.Time
	}
	Airport struct{ State string }
	Delay   struct {
		State   string
		Minutes int
	}
	Stats struct{ Flights, Minutes int }
)

func (f Flight) Time() time.Time    { return f.Date }
func (f Flight) Departed() bool     { return f.Minutes >= 0 }
func (f Flight) OriginCode() string { return f.Origin }
func (d Delay) StateCode() string   { return d.State }

func (s Stats) Add(d Delay) Stats {
	s.Flights++
	s.Minutes += d.Minutes
	return s
}

func located(f Flight, a Airport) Delay { return Delay{State: a.State, Minutes: f.Minutes} }

func byState(_ topology.Window, state string) string { return state }

// A topology from source to sink, and what it comes to.
func Example() {
	t := topology.New("flight-delays")
	airports := t.GlobalTable("airports", serde.String(), serde.JSON[Airport]())
	t.Stream("flights", serde.String(), serde.JSON[Flight](), topology.TimeFromValue(Flight.Time)).
		Filter(Flight.Departed).
		JoinGlobal("airport", airports, Flight.OriginCode, topology.Inner(located)).
		GroupBy("state", Delay.StateCode).
		Window(topology.Tumbling(time.Hour).Grace(10*time.Minute)).
		Aggregate("delays", Stats.Add).
		Final().
		Stream(byState).
		To("delays-by-state")
	plan, err := t.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(plan.Describe())
	// Output:
	// topology flight-delays
	//
	// sub-topology flights
	//   stream flights: key string, value json, time computed
	//   filter-1 <- stream flights
	//   join-global airport: global table airports <- filter-1
	//   group-by state <- join-global airport
	//   repartition state: key string, value json <- group-by state
	//
	// sub-topology state
	//   repartitioned state: key string, value json
	//   aggregate delays: tumbling 1h, grace 10m, emit final <- repartitioned state
	//   stream-windows-1 <- aggregate delays
	//   to delays-by-state: key string, value json <- stream-windows-1
	//   store delays: window, key string, value json, retention 1h10m
	//   store state-time: key-value, key bytes, value bytes
	//
	// repartition topics
	//   state: written by flights
	//
	// global tables
	//   airports: key string, value json
}

// Build returns all mistakes at once, each with the file and line of the call and a way out.
func ExampleTopology_Build_readMistakes() {
	t := topology.New("orders")
	orders := t.Stream("orders", serde.String(), serde.JSON[Flight]())
	orders.Filter(nil).To("departed")
	orders.GroupByKey().Count("orders of an origin")
	_, err := t.Build()
	var first *topology.Mistake
	if errors.As(err, &first) {
		fmt.Printf("%s: %s", first.Node, first.Text)
	}
	// Output: filter-1: the predicate is nil: give a function
}

// Records go to topics by their values. Branches are streams like any other.
func ExampleStream_Split_routeByValue() {
	t := topology.New("readings")
	split := t.Stream("readings", serde.String(), serde.JSON[int]()).Split("by-temperature")
	split.Branch("hot", func(celsius int) bool { return celsius > 30 }).To("hot")
	split.Branch("cold", func(celsius int) bool { return celsius < 0 }).To("cold")
	split.Rest().To("mild")

	show(t, msg("readings", "roof", "35", 1), msg("readings", "cellar", "12", 2), msg("readings", "yard", "-4", 3))
	// Output:
	// hot roof 35
	// mild cellar 12
	// cold yard -4
}

// A function that can fail: what it refuses goes to the error policy, which here skips it.
func ExampleStream_TryMapValues_parseTexts() {
	t := topology.New("parsed")
	t.Stream("texts", serde.String(), serde.String()).
		TryMapValues(func(_ context.Context, text string) (int, error) { return strconv.Atoi(text) }).
		WithValueSerde(serde.JSON[int]()).
		To("numbers")

	show(t, msg("texts", "a", "12", 1), msg("texts", "b", "x", 2), msg("texts", "c", "007", 3))
	// Output:
	// numbers a 12
	// numbers c 7
	// map-values-1, offset 2: strconv.Atoi: parsing "x": invalid syntax
}

// A value may be computed from the key, the time and the headers of its record too. The key stays,
// so that no repartition topic is needed behind it.
func ExampleStream_MapValuesRecords_useTheKey() {
	t := topology.New("labels")
	t.Stream("prices", serde.String(), serde.Int64()).
		MapValuesRecords(func(r *topology.Record[string, int64]) string {
			return fmt.Sprintf("%s: %d cents at %s", r.Key, r.Value, r.Time().Format(time.TimeOnly))
		}).
		To("labels")

	show(t, msg("prices", "tea", "\x00\x00\x00\x00\x00\x00\x00\xfa", 60_000))
	// Output: labels tea tea: 250 cents at 00:01:00
}

// One record becomes many.
func ExampleStream_FlatMapValues_itemsOfAnOrder() {
	type order struct{ Items []string }
	t := topology.New("items")
	t.Stream("orders", serde.String(), serde.JSON[order]()).
		FlatMapValues(func(o order) []string { return o.Items }).
		To("items")

	show(t, msg("orders", "ann", `{"Items": ["tea", "milk"]}`, 1), msg("orders", "bob", `{"Items": []}`, 2))
	// Output:
	// items ann tea
	// items ann milk
}

// The time of records is in their values, and not when they were written. What comes too late for
// its window is dropped.
func ExampleTimeFromValue_timeOfTheData() {
	type sale struct{ At time.Time }
	t := topology.New("sales")
	t.Stream("sales", serde.String(), serde.JSON[sale](), topology.TimeFromValue(func(s sale) time.Time { return s.At })).
		GroupByKey().
		Window(topology.Tumbling(time.Hour)).
		Count("sales-by-hour").
		Final().
		StreamRecords(func(w topology.Window, shop string, n int64) (string, string) {
			return shop, fmt.Sprintf("%d from %s on", n, w.StartTime().Format(time.Kitchen))
		}).
		To("sales-by-hour")

	show(t,
		msg("sales", "york", `{"At": "2031-05-01T09:10:00Z"}`, 0),
		msg("sales", "york", `{"At": "2031-05-01T09:50:00Z"}`, 0),
		msg("sales", "york", `{"At": "2031-05-01T10:05:00Z"}`, 0),
		msg("sales", "york", `{"At": "2031-05-01T09:55:00Z"}`, 0)) // too late: no grace
	// Output:
	// sales-by-hour york 2 from 9:00AM on
	// sales-by-hour york 1 from 10:00AM on
}

// A processor keeps what it has seen in a store, and passes on what is new. Its state is lost by no
// restart.
func ExampleStream_ProcessFunc_dropDuplicates() {
	t := topology.New("unique")
	seen := t.Store("seen", serde.String(), serde.Bool())
	t.Stream("payments", serde.String(), serde.String()).
		ProcessFunc("unique", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
			ids := seen.Open(c)
			if _, known, err := ids.Get(r.Key); known || err != nil {
				return err
			}
			c.Forward(*r)
			return ids.Put(r.Key, true)
		}, seen).
		To("payments-once")

	show(t, msg("payments", "17", "ann", 1), msg("payments", "18", "bob", 2), msg("payments", "17", "ann", 3))
	// Output:
	// payments-once 17 ann
	// payments-once 18 bob
}

// limiter passes on the first records of each key, and starts anew every hour of stream time.
type limiter struct {
	c    topology.Context[string, string]
	seen topology.Store[string, int64]
}

func (l *limiter) Process(r *topology.Record[string, string]) error {
	n, _, err := l.seen.Get(r.Key)
	if err != nil || n == 2 {
		return err
	}
	l.c.Forward(*r)
	return l.seen.Put(r.Key, n+1)
}

func (l *limiter) reset(int64) error {
	var keys []string
	err := l.seen.Range(topology.None[string](), topology.None[string](), func(k string, _ int64) bool {
		keys = append(keys, k)
		return true
	})
	for _, k := range keys {
		if err == nil {
			err = l.seen.Delete(k)
		}
	}
	return err
}

// A processor with a schedule: two requests of each user an hour.
func ExampleStream_Process_limitByTheHour() {
	t := topology.New("limited")
	seen := t.Store("seen", serde.String(), serde.Int64())
	t.Stream("requests", serde.String(), serde.String()).
		Process("limit", func(c topology.Context[string, string]) topology.Processor[string, string] {
			l := &limiter{c: c, seen: seen.Open(c)}
			if err := c.Schedule("reset", topology.StreamTime, time.Hour, l.reset); err != nil {
				c.Stop(err)
			}
			return l
		}, seen).
		To("limited-requests")

	hour := time.Hour.Milliseconds()
	show(t, msg("requests", "ann", "1st", 1), msg("requests", "ann", "2nd", 2), msg("requests", "ann", "3rd", 3),
		msg("requests", "bob", "1st", hour), msg("requests", "ann", "4th", hour+1))
	// Output:
	// limited-requests ann 1st
	// limited-requests ann 2nd
	// limited-requests bob 1st
	// limited-requests ann 4th
}

// At most one alert for each user and hour, whatever partitions the payments come in: InOrder hands
// them to the processor in the order of time.
func ExampleStream_InOrder_oneAlertAnHour() {
	type payment struct {
		User   string
		Amount int
	}
	t := topology.New("alerts")
	last := t.Store("last-alert", serde.String(), serde.Int64())
	t.Stream("payments", serde.String(), serde.JSON[payment]()).
		Filter(func(p payment) bool { return p.Amount > 1000 }).
		SelectKey(func(p payment) string { return p.User }).
		Repartition("by-user").
		InOrder("in-order", time.Minute).
		ProcessFunc("alert", func(c topology.Context[string, payment], r *topology.Record[string, payment]) error {
			alerts := last.Open(c)
			at, ok, err := alerts.Get(r.Key)
			if err != nil || ok && r.Timestamp < at+time.Hour.Milliseconds() {
				return err
			}
			c.Forward(*r)
			return alerts.Put(r.Key, r.Timestamp)
		}, last).
		To("alerts")
	plan, err := t.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(plan.ForRuntime(flow.Key{}).Repartitions[0].Name, "is read in order")
	// Output: by-user is read in order
}

// Register gives a serde to all keys and values of a type.
func ExampleRegister_serdeOfAType() {
	type place struct{ Lat, Lon float64 }
	t := topology.New("places")
	topology.Register(t, serde.JSON[place]())
	t.Stream("sightings", serde.String(), serde.JSON[place]()).
		GroupBy("by-place", func(p place) place { return p }).
		Count("sightings").
		ToStream().
		WithValueSerde(serde.JSON[int64]()).
		To("sightings-by-place")

	show(t, msg("sightings", "owl", `{"Lat": 52.5, "Lon": 13.4}`, 1), msg("sightings", "fox", `{"Lat": 52.5, "Lon": 13.4}`, 2))
	// Output: sightings-by-place {"Lat":52.5,"Lon":13.4} 2
}

// Orders name their customers. What is shown of an order changes with the order and with its
// customer, and is gone when it has none.
func ExampleTable_JoinForeign_ordersWithCustomers() {
	type Order struct {
		Customer string
		Item     string
	}
	t := topology.New("orders")
	customers := t.Table("customers", serde.String(), serde.String()).EachUpdate()
	t.Table("orders", serde.String(), serde.JSON[Order]()).EachUpdate().
		JoinForeign("with-customer", customers, func(o Order) string { return o.Customer }, topology.Inner(func(o Order, name string) string {
			return o.Item + " for " + name
		})).
		EachUpdate().
		ToStream().
		To("shown")

	show(t,
		msg("customers", "c7", "Ann", 1),
		msg("orders", "o1", `{"Customer":"c7","Item":"tea"}`, 2),
		msg("orders", "o2", `{"Customer":"c7","Item":"cups"}`, 3),
		msg("customers", "c7", "Anna", 4),
		msg("orders", "o1", `{"Customer":"c8","Item":"tea"}`, 5),
	)
	// Output:
	// shown o1 tea for Ann
	// shown o2 cups for Ann
	// shown o1 tea for Anna
	// shown o2 cups for Anna
	// shown o1 null
}

// The table has the boss of each person, who is a row of it too; who has none is shown as well.
func ExampleTable_JoinForeignRows_tableWithItself() {
	t := topology.New("people")
	people := t.Table("bosses", serde.String(), serde.String()).EachUpdate()
	boss := func(_, boss string) topology.Opt[string] {
		if boss == "" {
			return topology.None[string]()
		}
		return topology.Some(boss)
	}
	people.JoinForeignRows("next", people, boss, topology.Left(func(boss string, next topology.Opt[string]) string {
		return fmt.Sprintf("boss %q, whose boss is %q", boss, next.Value)
	})).EachUpdate().ToStream().To("shown")

	show(t, msg("bosses", "Eva", "", 1), msg("bosses", "Tom", "Eva", 2), msg("bosses", "Kim", "Tom", 3))
	// Output:
	// shown Eva boss "", whose boss is ""
	// shown Tom boss "Eva", whose boss is ""
	// shown Kim boss "Tom", whose boss is "Eva"
}
