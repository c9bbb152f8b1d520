package topology_test

import (
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

type Payment struct{ Amount int }

// Account is what a user owes: what was ordered, less what was paid.
type Account struct{ Ordered, Paid int }

func (a Account) Order(o Order) Account {
	a.Ordered += o.Amount
	return a
}

func (a Account) Payment(p Payment) Account {
	a.Paid += p.Amount
	return a
}

// The account of each user, out of two streams whose values are of different types.
func ExampleGrouped_CoGroup() {
	t := topology.New("accounts")
	orders := t.Stream("orders", serde.String(), serde.JSON[Order]())
	payments := t.Stream("payments", serde.String(), serde.JSON[Payment]())
	orders.GroupByKey().CoGroup(topology.Fold(Account.Order)).
		With(payments.GroupByKey().CoGroup(topology.Fold(Account.Payment))).
		Aggregate("accounts").
		ToStream().
		To("accounts")

	show(t, msg("orders", "ann", `{"Amount": 30}`, 1),
		msg("payments", "ann", `{"Amount": 20}`, 2),
		msg("orders", "ann", `{"Amount": 5}`, 3))
	// Output: accounts ann {"Ordered":35,"Paid":20}
}
