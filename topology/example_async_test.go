package topology_test

import (
	"context"
	"fmt"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// cityOf stands for a request to a service.
func cityOf(_ context.Context, address string) (string, error) {
	if address == "10.0.0.7" {
		return "Bern", nil
	}
	return "", fmt.Errorf("nobody knows %s", address)
}

// Values are looked up in another service, 100 at once. The records come in their order; one that
// cannot be looked up goes to the error policy.
func ExampleStream_MapValuesAsync() {
	t := topology.New("located")
	t.Stream("visits", serde.String(), serde.String()).
		MapValuesAsync(topology.Calls{Concurrency: 100, Timeout: 2 * time.Second}, cityOf).
		To("cities")

	show(t, msg("visits", "ann", "10.0.0.7", 1))
	// Output: cities ann Bern
}
