package topoyaml_test

import (
	"fmt"

	"github.com/kolkstream/kolk/topology/topoyaml"
)

// Load reads a file, whose plan is run like that of a program in Go.
func ExampleLoad() {
	file, err := topoyaml.Load("totals.yaml", []byte(`
name: totals
sources:
  orders: {stream: orders, schema: {user: string, amount: float}}
streams:
  - from: orders
    steps:
      - filter: value.amount > 0
      - group: {name: by-user, by: value.user}
      - aggregate: {store: totals, orders: count(), amount: sum(value.amount)}
      - to: totals
`), topoyaml.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, sub := range file.Plan().Describe().SubTopologies {
		fmt.Println(sub.Name)
	}
	// Output:
	// by-user
	// orders
}

// All mistakes come at once, each with its place and what to do.
func ExampleLoad_mistakes() {
	_, err := topoyaml.Load("totals.yaml", []byte(`
name: totals
sources:
  orders: {stream: orders, schema: {user: string, amount: float}}
streams:
  - from: oders
  - from: orders
    steps:
      - filter: value.amuont > 0
      - grup: {name: by-user, by: value.user}
`), topoyaml.Options{})
	fmt.Println(err)
	// Output:
	// totals.yaml:6:11: there is no source or stream "oders"; did you mean "orders"?
	// totals.yaml:9:23: value has no field "amuont"; did you mean "amount"?
	// totals.yaml:10:9: unknown field "grup" in a step; did you mean "group"?
}
