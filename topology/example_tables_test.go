package topology_test

import (
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// The orders that are open, and when one is not any more: a row that is accepted no longer is
// deleted.
func ExampleTable_Filter_rowsThatLeave() {
	t := topology.New("open")
	t.Table("orders", serde.String(), serde.JSON[Order]()).EachUpdate().
		Filter(func(o Order) bool { return o.Amount > 0 }).
		MapValues(func(o Order) string { return o.User }).
		ToStream().
		To("open")

	show(t, msg("orders", "1", `{"User": "ann", "Amount": 30}`, 1), msg("orders", "2", `{"User": "bob", "Amount": 0}`, 2),
		msg("orders", "1", `{"User": "ann", "Amount": 0}`, 3))
	// Output:
	// open 1 ann
	// open 1 null
}

// One table of two: each user with the number of logins, whichever of the two is there.
func ExampleTable_Join_twoTables() {
	t := topology.New("profiles")
	users := t.Table("users", serde.String(), serde.JSON[User]()).EachUpdate()
	logins := t.Stream("logins", serde.String(), serde.String()).GroupByKey().Count("logins-by-user").EachUpdate()
	users.Join("profile", logins, topology.Outer(func(u topology.Opt[User], n topology.Opt[int64]) Bill {
		return Bill{Name: u.Value.Name, Amount: int(n.Value)}
	})).
		ToStream().
		To("profiles")

	show(t, msg("users", "u7", `{"Name": "Ann"}`, 1), msg("logins", "u7", "web", 2), msg("logins", "u8", "web", 3))
	// Output:
	// profiles u7 {"Name":"Ann","Amount":0}
	// profiles u7 {"Name":"Ann","Amount":1}
	// profiles u8 {"Name":"","Amount":1}
}

// How much is open for each user. An order that changes is taken out of the sum, and put in again.
func ExampleTable_GroupBy_sumOfTheRows() {
	t := topology.New("totals")
	sum := topology.Fold(func(sum int, o Order) int { return sum + o.Amount }).
		Subtract(func(sum int, o Order) int { return sum - o.Amount })
	t.Table("orders", serde.String(), serde.JSON[Order]()).EachUpdate().
		GroupBy("user", func(o Order) string { return o.User }).
		AggregateWith("totals", sum, topology.ValueSerde(serde.JSON[int]())).EachUpdate().
		ToStream().
		To("totals")

	show(t, msg("orders", "1", `{"User": "ann", "Amount": 30}`, 1), msg("orders", "2", `{"User": "ann", "Amount": 5}`, 2),
		msg("orders", "1", `{"User": "bob", "Amount": 30}`, 3))
	// Output:
	// totals ann 30
	// totals ann 35
	// totals ann 5
	// totals bob 30
}
