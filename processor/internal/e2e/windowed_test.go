package e2e

import (
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// burst is the difference of the sliding windows of the job "windowed".
const burst = 7 * time.Minute

// addWindowed counts payments by user: in sliding windows, final, to out; by hours, suppressed
// until they close, to named; and all, an update an hour at most, to counts.
func (j job) addWindowed(t *topology.Topology) {
	payments := t.Stream(j.in(), serde.Bytes(), serde.String()).SelectKey(userOf).Repartition("by-user", topology.Partitions(3))
	of := func(w topology.Window, user string, n int64) (string, string) { return user, windowText(w.Start, n) }
	payments.GroupByKey().Window(topology.Sliding(burst).Grace(alertDelay)).Count("bursts").Final().StreamRecords(of).To(j.out())
	payments.GroupByKey().Window(topology.Tumbling(time.Hour).Grace(alertDelay)).Count("hours").
		Suppress("hours-held", topology.UntilWindowCloses()).StreamRecords(of).To(j.named())
	payments.InOrder("in-order", alertDelay).GroupByKey().Count("all").EachUpdate().
		Suppress("paced", topology.UntilTimeLimit(time.Hour)).
		ToStream().MapValues(func(n int64) string { return strconv.FormatInt(n, 10) }).To(j.counts())
}

// windowText is a window of so many payments.
func windowText(start, n int64) string { return fmt.Sprintf("%d: %d", start, n) }

// windowedOf is the reference of the job "windowed", plain loops over the times of each user: what
// it sends to out and to named, in any order, and to counts.
func windowedOf(in iter.Seq[message]) (bursts, hours, paced map[string][]string) {
	times := map[string][]int64{}
	for m := range in {
		user := userOf(string(m.Value))
		times[user] = append(times[user], m.Timestamp)
	}
	bursts, hours, paced = map[string][]string{}, map[string][]string{}, map[string][]string{}
	hour, d := time.Hour.Milliseconds(), burst.Milliseconds()
	for user, at := range times {
		slices.Sort(at)
		windows, byHour := map[int64]int64{}, map[int64]int64{}
		for _, t := range at {
			byHour[t-t%hour]++
			for _, start := range []int64{t - d, t + 1} {
				windows[start] = 0
				for _, other := range at {
					if other >= start && other <= start+d {
						windows[start]++
					}
				}
			}
		}
		for start, n := range windows {
			if n > 0 {
				bursts[user] = append(bursts[user], windowText(start, n))
			}
		}
		for start, n := range byHour {
			hours[user] = append(hours[user], windowText(start, n))
		}
		for i := 0; i < len(at); {
			begun := at[i]
			for i < len(at) && at[i] < begun+hour {
				i++
			}
			paced[user] = append(paced[user], strconv.Itoa(i))
		}
	}
	return bursts, hours, paced
}

// TestWindowsAndSuppressKilled kills one of two instances at random moments, in turn, while
// payments of two partitions are counted in sliding windows and by hours, and updates are held
// back. What has come out when a bounded run has closed everything is the loops'.
func TestWindowsAndSuppressKilled(t *testing.T) {
	t.Parallel()
	const n, kills = 9000 / slow, 3
	rng := newRand(seeds.New(t))
	f := newFleet(t, startBroker(t), job{"windowed", names(t, "app")}, 2)
	a, j := f.admin, f.job
	for _, topic := range []string{j.in(), j.out(), j.named(), j.counts()} {
		a.create(topic, 2, nil)
	}
	live := readLive(t, f.broker.Addr(), j.out())
	for _, i := range f.instances {
		i.config.Session, i.config.MaxAhead = 3*time.Second, time.Hour
		i.start(t)
	}
	for k := range kills {
		from, to := k*n/kills, (k+1)*n/kills
		a.produce(j.in(), chain(payments(from, to, 0), payments(from, to, 1)))
		// Each payment has a window that ends with it, unless another of the user has its time.
		target := 2*from + rng.IntN(to-from)
		eventually(t, time.Minute, "windows", func() (bool, string) {
			got := live.count()
			return got >= target || f.anyExited(t), fmt.Sprintf("%d of %d", got, target)
		})
		t.Logf("killed after %d windows", live.count())
		f.instances[k%2].killAndRestart(t)
	}
	a.awaitNoLag(2*time.Minute, j.Prefix, j.in())
	f.stop(t)
	dir := t.TempDir()
	last := startChild(t, "instance", "last", dir, instanceConfig{Job: j, Brokers: f.broker.Addr(), StateDir: filepath.Join(dir, "state"), Workers: 1, UntilEnd: true})
	if code := last.wait(t, 2*time.Minute); code != 0 {
		t.Fatalf("the bounded run ends with %d; log:\n%s", code, tail(last.log, 4000))
	}
	sent := func(topic string) map[string][]string {
		got := map[string][]string{}
		for _, o := range readAll(t, f.broker.Addr(), topic) {
			got[o.Key] = append(got[o.Key], o.Value)
		}
		return got
	}
	sorted := func(lists map[string][]string) map[string][]string {
		for _, l := range lists {
			slices.Sort(l)
		}
		return lists
	}
	bursts, hours, paced := windowedOf(chain(payments(0, n, 0), payments(0, n, 1)))
	sameLists(t, "sliding windows", sorted(sent(j.out())), sorted(bursts))
	sameLists(t, "suppressed windows", sorted(sent(j.named())), sorted(hours))
	sameLists(t, "suppressed updates", sent(j.counts()), paced)
}
