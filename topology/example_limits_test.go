package topology_test

import (
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// All requests of two fifths of the users. The hash of a key decides, so the same users are in each
// run, and in the sample of another topic with the same keys.
func ExampleStream_SampleKeys() {
	t := topology.New("sample")
	t.Stream("requests", serde.String(), serde.String()).
		SampleKeys(0.4).
		To("sampled")

	show(t, msg("requests", "ann", "/a", 1), msg("requests", "bob", "/b", 2), msg("requests", "cid", "/c", 3),
		msg("requests", "dee", "/d", 4), msg("requests", "eve", "/e", 5), msg("requests", "dee", "/f", 6))
	// Output:
	// sampled dee /d
	// sampled dee /f
}

// A user may report twice a minute. What exceeds that goes to another topic.
func ExampleStream_SplitLimit() {
	t := topology.New("reports")
	within, over := t.Stream("reports", serde.String(), serde.String()).
		SplitLimit("quota", 2, topology.Tumbling(time.Minute))
	within.To("accepted")
	over.To("refused")

	second := time.Second.Milliseconds()
	show(t, msg("reports", "ann", "1st", 10*second), msg("reports", "ann", "2nd", 20*second),
		msg("reports", "ann", "3rd", 30*second), msg("reports", "ann", "4th", 70*second))
	// Output:
	// accepted ann 1st
	// accepted ann 2nd
	// refused ann 3rd
	// accepted ann 4th
}
