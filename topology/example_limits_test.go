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

// A producer that is not sure sends a payment again. The first one passes.
func ExampleStream_Deduplicate_sentTwice() {
	type payment struct {
		ID     int64
		Amount int
	}
	t := topology.New("payments")
	t.Stream("payments", serde.String(), serde.JSON[payment]()).
		Deduplicate("once", func(p payment) int64 { return p.ID }, time.Hour).
		To("payments-once")

	hour := time.Hour.Milliseconds()
	show(t, msg("payments", "ann", `{"ID": 7, "Amount": 30}`, 0), msg("payments", "ann", `{"ID": 7, "Amount": 30}`, hour),
		msg("payments", "ann", `{"ID": 8, "Amount": 30}`, hour), msg("payments", "ann", `{"ID": 7, "Amount": 5}`, hour+1))
	// Output:
	// payments-once ann {"ID": 7, "Amount": 30}
	// payments-once ann {"ID": 8, "Amount": 30}
	// payments-once ann {"ID": 7, "Amount": 5}
}

// Signals of several inputs: the first one by time passes for a minute, however they are read.
// InOrder puts them in that order; the header names them.
func ExampleStream_DeduplicateRecords_byHeader() {
	t := topology.New("signals")
	t.StreamTopics([]string{"east", "west"}, serde.String(), serde.String()).
		InOrder("in-order", 10*time.Second).
		DeduplicateRecords("first", func(r *topology.Record[string, string]) string {
			for _, h := range r.Headers {
				if h.Key == "signal" {
					return string(h.Value)
				}
			}
			return ""
		}, time.Minute).
		To("first-signals")

	second := time.Second.Milliseconds()
	show(t, msg("west", "a", "from the west", 3*second), msg("east", "a", "from the east", 2*second), msg("east", "a", "later", 90*second))
	// Output:
	// first-signals a from the east
	// first-signals a later
}
