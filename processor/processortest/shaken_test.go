package processortest

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// What tests that draw inputs and schedules have in common: the inputs, in runs, and the driver
// that has been given them, with aborts, crashes, lost state, portions and small caches.

// drawRuns draws one to three runs of records in the topic in, out of order by up to 30. With a
// pause a run begins by that, or a multiple, behind the one before, and has nothing from before.
func drawRuns(rnd *rand.Rand, pause int64, record func() (key string, value int64)) [][]event {
	runs := make([][]event, 1+rnd.Intn(3))
	now := int64(rnd.Intn(20))
	for i := range runs {
		least := int64(0)
		if pause > 0 {
			now += pause * int64(i)
			least = now
		}
		for range rnd.Intn(80) {
			now += []int64{0, 0, 0, 1, 4, 9, 40}[rnd.Intn(7)]
			key, value := record()
			runs[i] = append(runs[i], event{"in", 0, key, value, max(least, now-[]int64{0, 0, 0, 2, 6, 30}[rnd.Intn(6)])})
		}
	}
	return runs
}

// shaken returns a driver that has been given the runs, one after the other, each on a schedule of
// its own. It draws how large caches and portions are.
func shaken(t testing.TB, rnd *rand.Rand, plan *topology.Plan, onError Policy, runs [][]event) *Driver {
	t.Helper()
	d := New(t, plan, Options{CommitEvery: -1, IdleAfter: -1, OnError: onError,
		CacheBytes: []int64{-1, 0, 300, 3000}[rnd.Intn(4)], portion: []int{0, 1, 3, 10}[rnd.Intn(4)]})
	d.purges = rnd.Intn(2) == 0
	for _, events := range runs {
		for _, e := range events {
			d.AppendTo(e.topic, e.partition, []byte(e.key), encode(t, serde.Int64(), e.value), e.ts)
		}
		if err := d.shake(rnd, rnd.Intn(2)*rnd.Intn(100)); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// shakeTimed gives the driver runs of records, one after the other, each on a schedule of its own.
func (d *Driver) shakeTimed(rnd *rand.Rand, runs [][]timed) error {
	for _, records := range runs {
		for _, r := range records {
			var key, value []byte
			if r.key != nil {
				key = []byte(*r.key)
			}
			if r.value != nil {
				value = []byte(*r.value)
			}
			d.AppendTo("in", 0, key, value, r.ts, topology.Header{Key: "n", Value: []byte(r.header)})
		}
		if err := d.shake(rnd, rnd.Intn(2)*rnd.Intn(200)); err != nil {
			return err
		}
	}
	return nil
}

// timed returns the records of a topic, as texts of timed. All have a header.
func (d *Driver) timed(topic string) (all []string) {
	for _, r := range d.Output(topic, serde.String(), serde.String()).Records() {
		if r.NoKey {
			r.Key = "none"
		}
		all = append(all, timed{&r.Key, &r.Value, r.Timestamp, string(r.Headers[0].Value)}.String())
	}
	return all
}

// inWindows is a plan with one aggregation of windows for each way to show results.
func inWindows(t testing.TB, w topology.Windows, of topology.Aggregator[int64, []int64]) *topology.Plan {
	t.Helper()
	top := topology.New("in-windows")
	in := top.Stream("in", serde.String(), serde.Int64()).GroupByKey().Window(w)
	all := func(store string) topology.WindowedTable[string, []int64] {
		return in.AggregateWith(store, of, topology.ValueSerde(serde.JSON[[]int64]()))
	}
	key := func(w topology.Window, k string) string { return sessionKey(w.Start, w.End, k) }
	text := func(v []int64) string { return fmt.Sprint(v) }
	all("final").Final().Stream(key).MapValues(text).To("out-final")
	all("updates").Stream(key).MapValues(text).To("out-updates")
	all("each").EachUpdate().Stream(key).MapValues(text).To("out-each")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// finals are what has come out of the aggregation with final results, which have no headers.
func finals(t testing.TB, d *Driver) (got []string) {
	t.Helper()
	for _, r := range d.Output("out-final", serde.String(), serde.String()).Records() {
		got = append(got, fmt.Sprintf("%s=%s@%d", r.Key, r.Value, r.Timestamp))
		if len(r.Headers) != 0 {
			t.Errorf("%s has headers", r.Key)
		}
	}
	return got
}

// left are the results of an output that stay in the end. taken is called with those that are taken
// back, and what they were; "" if they were not there.
func left(d *Driver, topic string, taken func(key, before string, at int64)) (all []string) {
	rows := map[string]string{}
	for _, r := range d.Output(topic, serde.String(), serde.String()).Records() {
		if r.NoValue {
			taken(r.Key, rows[r.Key], r.Timestamp)
			delete(rows, r.Key)
			continue
		}
		rows[r.Key] = fmt.Sprintf("%s=%s@%d", r.Key, r.Value, r.Timestamp)
	}
	for _, row := range rows {
		all = append(all, row)
	}
	slices.Sort(all)
	return all
}

// emptied reports stores that still have rows, but for those of time. With a suffix it looks at the
// stores that end in it.
func emptied(t testing.TB, d *Driver, suffix string) {
	t.Helper()
	for store, rows := range d.Dump() {
		if strings.HasSuffix(store, suffix) && !strings.HasSuffix(store, "-time") && len(rows) != 0 {
			t.Fatalf("store %s keeps rows: %v", store, rows)
		}
	}
}
