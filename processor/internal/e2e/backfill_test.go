//go:build !kafka

package e2e

import (
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/processor"
)

// hourly yields n messages of partition p, one a minute from an odd second on, whose values are a
// few groups.
func hourly(n int, p int32) iter.Seq[message] {
	return func(yield func(message) bool) {
		for i := range n {
			at := time.Date(2020, 1, 1, 0, 0, 7*int(p), 0, time.UTC).Add(time.Duration(i) * time.Minute)
			if !yield(message{Key: []byte("k"), Value: fmt.Appendf(nil, "group-%d", i%5), Timestamp: at.UnixMilli(), Partition: p}) {
				return
			}
		}
	}
}

// perHour is the reference of the job "rekeyed": a plain loop.
func perHour(in iter.Seq[message], closedBefore int64) []row {
	type window struct {
		group string
		start time.Time
	}
	counts, latest := map[window]int{}, map[window]int64{}
	for m := range in {
		w := window{string(m.Value), time.UnixMilli(m.Timestamp).UTC().Truncate(time.Hour)}
		counts[w]++
		latest[w] = max(latest[w], m.Timestamp)
	}
	var rows []row
	for w, n := range counts {
		if w.start.Add(time.Hour).UnixMilli() <= closedBefore {
			rows = append(rows, row{w.group, fmt.Sprintf("%s %d", w.start.Format(time.DateTime), n), latest[w]})
		}
	}
	return rows
}

// TestBackfill reads one of two partitions only after the other has ended: the broker answers no
// fetch of it until then. They meet behind a repartition topic, with no grace. Both are in order,
// so nothing is late, and the results are the loop's. Idle sources are given up after a moment,
// which a partition that cannot be read must not count as.
func TestBackfill(t *testing.T) {
	const n = 6_000 // 100 hours
	for _, bounded := range []bool{true, false} {
		t.Run(map[bool]string{true: "bounded", false: "open"}[bounded], func(t *testing.T) {
			b := startFake(t)
			a := newAdmin(t, b.Addr())
			j := job{"rekeyed", names(t, "app")}
			a.create(j.in(), 2, nil)
			a.create(j.out(), 3, nil)
			a.produce(j.in(), chain(hourly(n, 0), hourly(n, 1)))
			held := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: j.in(), Partitions: []int32{1}, Err: kerr.NotLeaderForPartition, Count: -1})
			x := startApp(t, b, j, nil, func(cfg *processor.Config) {
				cfg.UntilEnd = bounded
				cfg.IdleAfter = 200 * time.Millisecond
			})
			eventually(t, 30*time.Second, "the end of partition 0", func() (bool, string) {
				x.running(t)
				at := a.committed(j.Prefix)[j.in()]
				return at[0] >= n, fmt.Sprint(at)
			})
			if got := readAll(t, b.Addr(), j.out()); len(got) > 0 {
				t.Errorf("%d windows closed before partition 1 was read, the first %v", len(got), got[0].row)
			}
			held.Remove()
			end := hourStart(n)
			if bounded {
				if err := x.wait(t, time.Minute); err != nil {
					t.Fatal(err)
				}
				end += time.Hour.Milliseconds()
			}
			want := perHour(chain(hourly(n, 0), hourly(n, 1)), end)
			eventually(t, 30*time.Second, "all windows", func() (bool, string) {
				got := len(readAll(t, b.Addr(), j.out()))
				return got >= len(want), fmt.Sprintf("%d of %d", got, len(want))
			})
			if !bounded {
				x.stop(t)
			}
			sameRows(t, j.out(), readAll(t, b.Addr(), j.out()), want)
			if c := counters(x.App); c["late"] != 0 || c["in"] != 2*n {
				t.Errorf("in %d, late %d; want %d, 0", c["in"], c["late"], 2*n)
			}
		})
	}
}

// hourStart is the start of the hour of the last of n messages, in milliseconds: windows before it
// are closed by it.
func hourStart(n int) int64 {
	var last int64
	for m := range hourly(n, 0) {
		last = m.Timestamp
	}
	return time.UnixMilli(last).UTC().Truncate(time.Hour).UnixMilli()
}
