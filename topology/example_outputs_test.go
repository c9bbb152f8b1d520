package topology_test

import (
	"fmt"
	"strconv"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// A processor has further outputs, each with types of its own.
func ExampleTopology_Output_whatCannotBeRead() {
	t := topology.New("numbers")
	bad := t.Output[string, string]("bad")
	t.Stream("texts", serde.String(), serde.String()).
		ProcessFunc("parse", func(c topology.Context[string, int64], r *topology.Record[string, string]) error {
			n, err := strconv.ParseInt(r.Value, 10, 64)
			if err != nil {
				bad.Open(c).Forward(*r)
				return nil
			}
			c.Forward(r.With(r.Key, n))
			return nil
		}, bad).
		MapValues(func(n int64) string { return fmt.Sprintf("%d squared is %d", n, n*n) }).
		To("numbers")
	bad.Stream().To("bad")

	show(t, msg("texts", "a", "12", 1), msg("texts", "a", "x", 2))
	// Output:
	// numbers a 12 squared is 144
	// bad a x
}
