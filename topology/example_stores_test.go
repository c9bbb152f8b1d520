package topology_test

import (
	"fmt"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// An alert when a user has failed to log in three times within a minute. The window store has the
// failures by their times, and forgets them.
func ExampleTopology_WindowStore_threeWithinAMinute() {
	t := topology.New("logins")
	failures := t.WindowStore("failures", serde.String(), serde.String(), time.Minute)
	minute := time.Minute.Milliseconds()
	t.Stream("failed-logins", serde.String(), serde.String()).
		ProcessFunc("alert", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
			st, n := failures.Open(c), 1
			err := st.Fetch(r.Key, r.Timestamp-minute, r.Timestamp, func(int64, string) bool {
				n++
				return n < 3
			})
			if n == 3 {
				c.Forward(r.With(r.Key, "three times within a minute"))
			}
			if err != nil {
				return err
			}
			return st.Put(r.Key, r.Timestamp, r.Value)
		}, failures).
		To("alerts")

	show(t, msg("failed-logins", "ann", "10.0.0.7", 0), msg("failed-logins", "ann", "10.0.0.7", minute/2),
		msg("failed-logins", "bob", "10.0.0.9", minute/2), msg("failed-logins", "ann", "10.0.0.8", minute-1))
	// Output: alerts ann three times within a minute
}

// A machine is running or not; each report extends the session that it belongs to, which is
// forwarded.
func ExampleTopology_SessionStore_extendASession() {
	t := topology.New("machines")
	runs := t.SessionStore("runs", serde.String(), serde.Int64(), time.Hour)
	gap := (5 * time.Minute).Milliseconds()
	t.Stream("reports", serde.String(), serde.String()).
		ProcessFunc("run", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
			st, n := runs.Open(c), int64(1)
			run := topology.Window{Start: r.Timestamp, End: r.Timestamp}
			var failed error
			err := st.Fetch(r.Key, r.Timestamp-gap, r.Timestamp+gap, func(old topology.Window, reports int64) bool {
				run.Start, run.End, n = min(run.Start, old.Start), max(run.End, old.End), n+reports
				failed = st.Delete(r.Key, old)
				return failed == nil
			})
			if err == nil {
				err = failed
			}
			if err != nil {
				return err
			}
			c.Forward(r.With(r.Key, fmt.Sprintf("%d reports in %ds", n, (run.End-run.Start)/1000)))
			return st.Put(r.Key, run, n)
		}, runs).
		To("runs")

	show(t, msg("reports", "press", "ok", 0), msg("reports", "press", "ok", 120_000), msg("reports", "press", "ok", 900_000))
	// Output:
	// runs press 1 reports in 0s
	// runs press 2 reports in 120s
	// runs press 1 reports in 0s
}

// An order is billed with the price that held when it was made, though a new one is known already.
// Both processors share the store, and so run in one task.
func ExampleTopology_VersionedStore_priceAsOf() {
	t := topology.New("bills")
	prices := t.VersionedStore("prices", serde.String(), serde.String(), 24*time.Hour)
	t.Stream("prices", serde.String(), serde.String()).
		ProcessFunc("price", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
			if r.NoValue {
				return prices.Open(c).Delete(r.Key, r.Timestamp)
			}
			return prices.Open(c).Put(r.Key, r.Timestamp, r.Value)
		}, prices).
		Discard()
	t.Stream("orders", serde.String(), serde.String()).
		ProcessFunc("bill", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
			price, _, ok, err := prices.Open(c).GetAsOf(r.Key, r.Timestamp)
			if ok {
				c.Forward(r.With(r.Key, r.Value+" for "+price))
			}
			return err
		}, prices).
		To("bills")

	show(t, msg("prices", "tea", "3.00", 100), msg("prices", "tea", "3.50", 300), msg("orders", "tea", "1", 350), msg("orders", "tea", "2", 200))
	// Output:
	// bills tea 1 for 3.50
	// bills tea 2 for 3.00
}
