package topology_test

import (
	"fmt"
	"math"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

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

// Records get what a small table says of them. Every process reads the table whole, so that any key
// can be looked up.
func ExampleStream_JoinGlobal_enrich() {
	t := topology.New("located")
	airports := t.GlobalTable("airports", serde.String(), serde.JSON[Airport]())
	t.Stream("flights", serde.String(), serde.JSON[Flight]()).
		JoinGlobal("airport", airports, Flight.OriginCode, topology.Inner(located)).
		To("delays")

	show(t, msg("airports", "SFO", `{"State": "CA"}`, 0),
		msg("flights", "UA1", `{"Origin": "SFO", "Minutes": 12}`, 1),
		msg("flights", "UA2", `{"Origin": "???", "Minutes": 3}`, 2)) // finds nothing
	// Output: delays UA1 {"State":"CA","Minutes":12}
}

// A stream is joined with a table by key, and keeps what finds nothing. The orders have another key
// than the users, so Repartition brings equal ones together.
func ExampleStream_Join_keepWhatFindsNothing() {
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

	show(t, msg("users", "u7", `{"Name": "Ann"}`, 1),
		msg("orders", "1", `{"User": "u7", "Amount": 30}`, 2), msg("orders", "2", `{"User": "u8", "Amount": 9}`, 3))
	// Output:
	// bills u7 {"Name":"Ann","Amount":30}
	// bills u8 {"Name":"unknown","Amount":9}
}

// What belongs together is counted by a field of the values.
func ExampleStream_GroupBy_countByField() {
	t := topology.New("orders-by-user")
	t.Stream("orders", serde.String(), serde.JSON[Order]()).
		GroupBy("user", func(o Order) string { return o.User }).
		Count("orders-by-user").
		ToStream().
		WithValueSerde(serde.JSON[int64]()).
		To("orders-by-user")

	show(t, msg("orders", "1", `{"User": "ann"}`, 1), msg("orders", "2", `{"User": "bob"}`, 2), msg("orders", "3", `{"User": "ann"}`, 3))
	// Output:
	// orders-by-user bob 1
	// orders-by-user ann 2
}

// The largest value of each key so far, at every change.
func ExampleGrouped_Reduce_bestOfEachKey() {
	t := topology.New("records")
	t.Stream("throws", serde.String(), serde.JSON[float64]()).
		GroupByKey().
		Reduce("best", math.Max).
		EachUpdate().
		ToStream().
		To("best")

	show(t, msg("throws", "ann", "61.5", 1), msg("throws", "ann", "58.2", 2), msg("throws", "ann", "64", 3))
	// Output:
	// best ann 61.5
	// best ann 61.5
	// best ann 64
}

// An aggregator with a start of its own. The same value serves all time and each hour.
func ExampleAggregator_From_smallestValue() {
	lowest := topology.Fold(math.Min).From(func() float64 { return math.Inf(1) })
	t := topology.New("lowest")
	readings := t.Stream("readings", serde.String(), serde.JSON[float64]()).GroupByKey()
	text := topology.ValueSerde(serde.JSON[float64]())
	readings.AggregateWith("lowest", lowest, text).ToStream().To("lowest")
	readings.Window(topology.Tumbling(time.Hour)).AggregateWith("lowest-by-hour", lowest, text).
		Final().
		Stream(func(w topology.Window, sensor string) string { return sensor + w.StartTime().Format(" 15h") }).
		To("lowest-by-hour")

	minute := time.Minute.Milliseconds()
	show(t, msg("readings", "roof", "4.5", 10*minute), msg("readings", "roof", "6", 50*minute), msg("readings", "roof", "5", 70*minute))
	// Output:
	// lowest-by-hour roof 00h 4.5
	// lowest roof 4.5
	// lowest-by-hour roof 01h 5
}

// An aggregation of whole records: their times are in the result.
func ExampleGrouped_AggregateRecords_firstAndLastTime() {
	type span struct{ First, Last int64 }
	t := topology.New("spans")
	t.Stream("visits", serde.String(), serde.Bytes()).
		GroupByKey().
		AggregateRecords("spans", topology.FoldOpt(func(s topology.Opt[span], r *topology.Record[string, []byte]) topology.Opt[span] {
			if !s.OK {
				return topology.Some(span{r.Timestamp, r.Timestamp})
			}
			return topology.Some(span{min(s.Value.First, r.Timestamp), max(s.Value.Last, r.Timestamp)})
		})).
		ToStream().
		To("spans")

	show(t, msg("visits", "ann", "", 20), msg("visits", "ann", "", 10), msg("visits", "ann", "", 30))
	// Output: spans ann {"First":10,"Last":30}
}

// An accumulator that knows whether it is there, and can delete itself.
func ExampleFoldOpt_deleteWhatIsSettled() {
	t := topology.New("balances")
	t.Stream("bookings", serde.String(), serde.JSON[int64]()).
		GroupByKey().
		AggregateWith("balances", topology.FoldOpt(func(balance topology.Opt[int64], booking int64) topology.Opt[int64] {
			if balance.Value+booking == 0 {
				// Settled: the key is deleted, and a tombstone goes on.
				return topology.None[int64]()
			}
			return topology.Some(balance.Value + booking)
		}), topology.ValueSerde(serde.JSON[int64]())).
		EachUpdate().
		ToStream().
		To("balances")

	show(t, msg("bookings", "ann", "30", 1), msg("bookings", "ann", "-30", 2), msg("bookings", "ann", "5", 3))
	// Output:
	// balances ann 30
	// balances ann null
	// balances ann 5
}

// A visit lasts as long as pages of it follow each other within half an hour. Where a page comes
// late between two visits, they are one.
func ExampleSessions_visitsOfAUser() {
	t := topology.New("visits")
	pages := topology.Fold(func(visit []string, page string) []string { return append(visit, page) }).
		Merge(func(earlier, later []string) []string { return append(earlier, later...) })
	t.Stream("pages", serde.String(), serde.String()).
		GroupByKey().
		Window(topology.Sessions(30*time.Minute).Grace(time.Hour)).
		AggregateWith("visits", pages, topology.ValueSerde(serde.JSON[[]string]())).
		Final().
		StreamRecords(func(w topology.Window, user string, pages []string) (string, string) {
			return user, fmt.Sprintf("%s to %s: %v", w.StartTime().Format("15:04"), w.EndTime().Format("15:04"), pages)
		}).
		To("visits-of-users")

	minute := time.Minute.Milliseconds()
	show(t, msg("pages", "ann", "/", 0), msg("pages", "ann", "/pay", 50*minute), msg("pages", "ann", "/cart", 25*minute), msg("pages", "ann", "/", 90*minute))
	// Output:
	// visits-of-users ann 00:00 to 00:50: [/ /pay /cart]
	// visits-of-users ann 01:30 to 01:30: [/]
}

// Whoever fails three times within ten minutes is locked out, whenever these begin: windows of a
// fixed grid would cut some of them in two.
func ExampleSliding_failedLogins() {
	t := topology.New("failures")
	t.Stream("failures", serde.String(), serde.String()).
		GroupByKey().
		Window(topology.Sliding(10 * time.Minute).Grace(time.Minute)).
		Count("failures").
		Final().
		StreamRecords(func(w topology.Window, user string, n int64) (string, string) {
			return user, fmt.Sprintf("%d failures from %s to %s", n, w.StartTime().Format("15:04:05.000"), w.EndTime().Format("15:04:05.000"))
		}).
		Filter(func(text string) bool { return text[0] >= '3' }).
		To("locked-out")

	minute := time.Minute.Milliseconds()
	show(t, msg("failures", "ann", "", 15*minute), msg("failures", "ann", "", 22*minute), msg("failures", "ann", "", 23*minute), msg("failures", "ann", "", 40*minute))
	// Output:
	// locked-out ann 3 failures from 00:13:00.000 to 00:23:00.000
}

// Days as people count them where they live: this one has 23 hours, since clocks are put forward.
func ExampleDays_salesOfALocalDay() {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	t := topology.New("sales")
	t.Stream("sales", serde.String(), num()).
		GroupByKey().
		Window(topology.Days(zone)).
		Aggregate("sales-of-days", func(sum, v int64) int64 { return sum + v }).
		Final().
		StreamRecords(func(w topology.Window, shop string, sum int64) (string, string) {
			return shop, fmt.Sprintf("%s, %s: %d", w.StartTime().In(zone).Format(time.DateOnly), w.EndTime().Sub(w.StartTime()), sum)
		}).
		To("sales-by-day")

	morning := time.Date(2026, 3, 29, 0, 30, 0, 0, zone).UnixMilli()
	night := time.Date(2026, 3, 29, 23, 30, 0, 0, zone).UnixMilli()
	show(t, msg("sales", "north", "3", morning), msg("sales", "north", "4", night))
	// Output:
	// sales-by-day north 2026-03-29, 23h0m0s: 7
}

// What a day has brought so far, every six hours. The windows of a day begin together.
func ExampleCumulating_soFarToday() {
	t := topology.New("visits")
	t.Stream("visits", serde.String(), serde.Bytes()).
		GroupByKey().
		Window(topology.Cumulating(24*time.Hour, 6*time.Hour)).
		Count("visits-so-far").
		Final().
		StreamRecords(func(w topology.Window, page string, n int64) (string, string) {
			return page, fmt.Sprintf("until %s: %d", w.EndTime().Format("15:04"), n)
		}).
		To("visits-so-far-today")

	hour := time.Hour.Milliseconds()
	show(t, msg("visits", "/", "", hour), msg("visits", "/", "", 7*hour), msg("visits", "/", "", 13*hour))
	// Output:
	// visits-so-far-today / until 06:00: 1
	// visits-so-far-today / until 12:00: 2
	// visits-so-far-today / until 18:00: 3
	// visits-so-far-today / until 00:00: 3
}

// Hours that begin at a quarter past.
func ExampleWindows_Offset_aQuarterPast() {
	t := topology.New("visits")
	t.Stream("visits", serde.String(), serde.Bytes()).
		GroupByKey().
		Window(topology.Tumbling(time.Hour).Offset(15 * time.Minute)).
		Count("visits-of-hours").
		Final().
		StreamRecords(func(w topology.Window, page string, n int64) (string, string) {
			return page, fmt.Sprintf("%s to %s: %d", w.StartTime().Format("15:04"), w.EndTime().Format("15:04"), n)
		}).
		To("visits-by-the-hour")

	minute := time.Minute.Milliseconds()
	show(t, msg("visits", "/", "", 70*minute), msg("visits", "/", "", 80*minute))
	// Output:
	// visits-by-the-hour / 00:15 to 01:15: 1
	// visits-by-the-hour / 01:15 to 02:15: 1
}

// Windows that overlap: of an hour each, one beginning every half of an hour, open for five minutes
// more. Each has one final result.
func ExampleHopping_visitsOfTheLastHour() {
	t := topology.New("visits")
	t.Stream("visits", serde.String(), serde.Bytes()).
		GroupByKey().
		Window(topology.Hopping(time.Hour, 30*time.Minute).Grace(5 * time.Minute)).
		Count("visits-per-hour").
		Final().
		StreamRecords(func(w topology.Window, page string, n int64) (string, string) {
			return page, fmt.Sprintf("%s to %s: %d", w.StartTime().Format("15:04"), w.EndTime().Format("15:04"), n)
		}).
		To("visits-per-hour")

	minute := time.Minute.Milliseconds()
	show(t, msg("visits", "/", "", 10*minute), msg("visits", "/", "", 40*minute), msg("visits", "/", "", 50*minute))
	// Output:
	// visits-per-hour / 00:00 to 01:00: 3
	// visits-per-hour / 00:30 to 01:30: 2
}

// A price counts as it was when the order was made, whatever has come since: the table keeps what
// its rows were for a day. A record that comes late finds the row as of its time, and a correction
// that comes late goes to its place.
func ExampleTable_History_joinAsOf() {
	t := topology.New("valued")
	prices := t.Table("prices", serde.String(), serde.JSON[int]()).History(24 * time.Hour)
	t.Stream("orders", serde.String(), serde.JSON[Order]()).
		Join("price", prices, topology.Inner(func(o Order, price int) Bill {
			return Bill{Name: o.User, Amount: o.Amount * price}
		})).
		To("bills")

	show(t,
		msg("prices", "tea", "3", 100), msg("prices", "tea", "5", 300),
		msg("prices", "tea", "4", 200), // late
		msg("orders", "tea", `{"User": "Ann", "Amount": 10}`, 150),
		msg("orders", "tea", `{"User": "Bob", "Amount": 10}`, 250),
		msg("orders", "tea", `{"User": "Cem", "Amount": 10}`, 350))
	// Output:
	// bills tea {"Name":"Ann","Amount":30}
	// bills tea {"Name":"Bob","Amount":40}
	// bills tea {"Name":"Cem","Amount":50}
}
