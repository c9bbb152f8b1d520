package topology_test

import (
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// Two streams are joined by key and time: each order with its payment, if that comes within an
// hour.
func ExampleStream_JoinWithin_ordersAndPayments() {
	t := topology.New("paid")
	orders := t.Stream("orders", serde.String(), serde.String())
	payments := t.Stream("payments", serde.String(), serde.String())
	orders.JoinWithin("paid", payments, topology.Within(0).After(time.Hour).Grace(time.Minute),
		topology.Left(func(order string, payment topology.Opt[string]) string {
			if !payment.OK {
				return order + ": not paid"
			}
			return order + ": paid by " + payment.Value
		})).
		To("paid")

	minute := time.Minute.Milliseconds()
	show(t,
		msg("orders", "1", "tea", 0),
		msg("orders", "2", "milk", 0),
		msg("payments", "1", "card", 20*minute),
		msg("payments", "2", "cash", 90*minute),
	)
	// Output:
	// paid 1 tea: paid by card
	// paid 2 milk: not paid
}

// A record is joined with what a row was at its time, though later prices are known already, and
// though one that counts comes after the record.
func ExampleJoinGrace_thePriceOfTheDay() {
	t := topology.New("bills")
	prices := t.Table("prices", serde.String(), num()).History(time.Hour)
	t.Stream("orders", serde.String(), num()).
		Join("price", prices, topology.Inner(func(n, price int64) int64 { return n * price }), topology.JoinGrace(5*time.Minute)).
		To("bills")

	minute := time.Minute.Milliseconds()
	show(t, msg("prices", "tea", "3", 0), msg("prices", "tea", "10", 11*minute),
		msg("orders", "tea", "2", 9*minute), msg("prices", "tea", "4", 8*minute))
	// Output: bills tea 8
}
