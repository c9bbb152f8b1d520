package topology_test

import (
	"errors"
	"fmt"
	"time"

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
func ExampleTopology_Build() {
	t := topology.New("orders")
	orders := t.Stream("orders", serde.String(), serde.JSON[Flight]())
	orders.To("all orders")
	orders.GroupByKey().Count("per origin")
	_, err := t.Build()
	var first *topology.Mistake
	if errors.As(err, &first) {
		fmt.Println(first.Text)
	}
	// Output: the topic "all orders" has ' ' in it: names consist of letters, digits, '.', '_' and '-'
}

// Branches are streams like any other.
func ExampleStream_Split() {
	t := topology.New("flights")
	split := t.Stream("flights", serde.String(), serde.JSON[Flight]()).Split("delay")
	split.Branch("late", func(f Flight) bool { return f.Minutes > 15 }).To("late")
	split.Branch("early", func(f Flight) bool { return f.Minutes < 0 }).To("early")
	split.Rest().To("on-time")
	plan, err := t.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, sink := range plan.Sinks() {
		fmt.Println(sink.Topic)
	}
	// Output:
	// late
	// early
	// on-time
}

// limiter passes on the first records of each key, and starts anew every hour of stream time.
type limiter struct {
	c    *topology.Context[string, Flight]
	seen *topology.Store[string, int64]
}

func (l *limiter) Process(r *topology.Record[string, Flight]) error {
	n, _, err := l.seen.Get(r.Key)
	if err != nil || n == 3 {
		return err
	}
	l.c.Forward(r.With(r.Key, r.Value))
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

// A processor with a store and a schedule.
func ExampleStream_Process() {
	t := topology.New("limited")
	seen := t.Store("seen", serde.String(), serde.Int64())
	t.Stream("flights", serde.String(), serde.JSON[Flight]()).
		Process("limit", func(c *topology.Context[string, Flight]) topology.Processor[string, Flight] {
			l := &limiter{c: c, seen: seen.Open(c)}
			if err := c.Schedule("reset", topology.StreamTime, time.Hour, l.reset); err != nil {
				c.Stop(err)
			}
			return l
		}, seen).
		To("limited-flights")
	plan, err := t.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range plan.SubTopologies() {
		for _, st := range s.Stores {
			fmt.Printf("%s: %s, %s to %s\n", st.Name, st.Kind, st.Shape.Key, st.Shape.Value)
		}
	}
	// Output:
	// flights-time: key-value, bytes to bytes
	// seen: key-value, string to int64
}

type (
	Order struct {
		User   string
		Amount int
	}
	User struct{ Name string }
	Bill struct {
		Name   string
		Amount int
	}
)

// A stream joined with a table by key. The orders have another key than the users: Repartition brings equal ones together.
func ExampleStream_Join() {
	t := topology.New("bills")
	users := t.Table("users", serde.String(), serde.JSON[User]())
	t.Stream("orders", serde.String(), serde.JSON[Order]()).
		SelectKey(func(o Order) string { return o.User }).
		Repartition("orders-by-user").
		Join("user", users, topology.Left(func(o Order, u topology.Opt[User]) Bill {
			if !u.OK {
				return Bill{Name: "unknown", Amount: o.Amount}
			}
			return Bill{Name: u.Value.Name, Amount: o.Amount}
		})).
		To("bills")
	plan, err := t.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range plan.CoPartitioned() {
		fmt.Println(c.Topics, "for", c.Node)
	}
	// Output: [orders-by-user users] for user
}

// An accumulator that knows whether it is there, and can delete itself.
func ExampleFoldOpt() {
	t := topology.New("balances")
	t.Stream("bookings", serde.String(), serde.Int64()).
		GroupByKey().
		AggregateWith("balances", topology.FoldOpt(func(balance topology.Opt[int64], booking int64) topology.Opt[int64] {
			if balance.Value+booking == 0 {
				return topology.None[int64]() // settled: the key is deleted, and a tombstone goes on
			}
			return topology.Some(balance.Value + booking)
		})).
		EachUpdate().
		ToStream().
		To("balances")
	plan, err := t.Build()
	fmt.Println(plan.SubTopologies()[0].Stores[0].Name, err)
	// Output: balances <nil>
}

// Windows that overlap: of an hour each, one beginning every ten minutes, open for five minutes more.
func ExampleHopping() {
	t := topology.New("visits")
	t.Stream("visits", serde.String(), serde.Bytes()).
		GroupByKey().
		Window(topology.Hopping(time.Hour, 10*time.Minute).Grace(5 * time.Minute)).
		Count("visits-per-hour").
		Final().
		Stream(func(w topology.Window, page string) string { return page + " " + w.StartTime().Format(time.RFC3339) }).
		To("visits-per-hour")
	plan, err := t.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range plan.SubTopologies()[0].Stores {
		if s.Kind == topology.WindowStore {
			fmt.Println(s.Name, s.Retention)
		}
	}
	// Output: visits-per-hour 1h5m0s
}

// Register gives a serde to all keys and values of a type.
func ExampleRegister() {
	type place struct{ Lat, Lon float64 }
	t := topology.New("places")
	topology.Register(t, serde.JSON[place]())
	t.Stream("sightings", serde.String(), serde.JSON[place]()).
		GroupBy("by-place", func(p place) place { return p }).
		Count("sightings").
		ToStream().
		To("sightings-by-place")
	_, err := t.Build()
	fmt.Println(err)
	// Output: <nil>
}

// At most one alert for each user and hour, whatever partitions the payments come in: InOrder hands them to the processor in
// the order of time.
func ExampleStream_InOrder() {
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
		ProcessFunc("alert", func(c *topology.Context[string, payment], r *topology.Record[string, payment]) error {
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
	fmt.Println(plan.Repartitions()[0].Name, "is read in order")
	// Output: by-user is read in order
}
