package topology_test

import (
	"cmp"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// The two largest orders of each user. It does not matter in which order they come: of equal
// amounts the bytes decide.
func ExampleTop() {
	byAmount := func(a, b Order) int { return cmp.Compare(a.Amount, b.Amount) }
	t := topology.New("largest-orders")
	t.Stream("orders", serde.String(), serde.JSON[Order]()).
		GroupBy("user", func(o Order) string { return o.User }).
		AggregateWith("largest-orders", topology.Top(2, byAmount)).
		ToStream().
		To("largest-orders")

	show(t, msg("orders", "1", `{"User": "ann", "Amount": 5}`, 1),
		msg("orders", "2", `{"User": "ann", "Amount": 30}`, 2),
		msg("orders", "3", `{"User": "ann", "Amount": 12}`, 3))
	// Output: largest-orders ann [{"User":"ann","Amount":30},{"User":"ann","Amount":12}]
}
