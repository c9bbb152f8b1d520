package topology_test

import (
	"strconv"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// One update of a row a minute at most: the last one of each minute that begins with an update.
func ExampleTable_Suppress() {
	t := topology.New("stock")
	t.Table("stock", serde.String(), serde.String()).EachUpdate().
		Suppress("stock-of-minute", topology.UntilTimeLimit(time.Minute)).
		ToStream().
		To("out")

	show(t, msg("stock", "tea", "7", 0), msg("stock", "tea", "6", 20_000), msg("stock", "tea", "9", 70_000))
	// Output:
	// out tea 6
	// out tea 9
}

// The counts of windows as they grow, and those that are final, of one table.
func ExampleWindowedTable_Suppress_besideUpdates() {
	t := topology.New("clicks")
	counts := t.Stream("clicks", serde.String(), serde.String()).GroupByKey().
		Window(topology.Tumbling(time.Minute)).
		Count("clicks-of-minute").EachUpdate().
		MapValues(func(n int64) string { return strconv.FormatInt(n, 10) })
	user := func(_ topology.Window, user string) string { return user }
	counts.Stream(user).To("growing")
	counts.Suppress("final-clicks", topology.UntilWindowCloses()).Stream(user).To("final")

	show(t, msg("clicks", "ann", "", 0), msg("clicks", "ann", "", 1000), msg("clicks", "bob", "", 60_000))
	// Output:
	// growing ann 1
	// growing ann 2
	// growing bob 1
	// final ann 2
	// final bob 1
}
