package e2e

import (
	"cmp"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// alertDelay is how much out of order the records of the job "alerts" are at most.
const alertDelay = 5 * time.Minute

// userOf is the user of a payment.
func userOf(payment string) string {
	user, _, _ := strings.Cut(payment, " ")
	return user
}

// payments yields the messages from up to to of a partition: one a minute, none behind an earlier
// one by more than alertDelay.
func payments(from, to int, p int32) iter.Seq[message] {
	return func(yield func(message) bool) {
		start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		for i := from; i < to; i++ {
			behind := time.Duration(i*i%7) * alertDelay / 6
			m := message{Value: fmt.Appendf(nil, "u%d %d-%d", i*(i+1+int(p))%11, p, i), Timestamp: start.Add(time.Duration(i)*time.Minute - behind).UnixMilli(), Partition: p}
			if !yield(m) {
				return
			}
		}
	}
}

// alertsOf is the reference of the job "alerts", a plain loop over the messages by time, partition
// and offset: what it sends for each user to named and to out.
func alertsOf(in iter.Seq[message]) (all, alerts map[string][]string) {
	sorted := slices.Collect(in)
	slices.SortStableFunc(sorted, func(a, b message) int {
		// those of a partition come in the order of offsets
		return cmp.Or(cmp.Compare(a.Timestamp, b.Timestamp), cmp.Compare(a.Partition, b.Partition))
	})
	all, alerts = map[string][]string{}, map[string][]string{}
	last := map[string]int64{}
	for _, m := range sorted {
		v := string(m.Value)
		user := userOf(v)
		all[user] = append(all[user], v)
		if at, ok := last[user]; !ok || m.Timestamp >= at+time.Hour.Milliseconds() {
			alerts[user] = append(alerts[user], v)
			last[user] = m.Timestamp
		}
	}
	return all, alerts
}

// TestAlertsInOrder runs "at most one alert per user and hour" over two partitions that come as a
// backfill, in two processes, one of which is killed in the middle. The other takes its tasks over.
// Results, and the order of all records of each user, are the loop's; so they are when a bounded
// run has handed on what was held back.
func TestAlertsInOrder(t *testing.T) {
	t.Parallel()
	const first, second, n, end = 2000, 8000, 9000, 9060 // the last hour only makes the time go on
	b := startBroker(t)
	j := job{"alerts", names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.in(), 2, nil)
	a.create(j.named(), 2, nil)
	a.create(j.out(), 2, nil)
	dir := t.TempDir()
	start := func(name string, bounded bool) *child {
		return startChild(t, "instance", name, dir, instanceConfig{Job: j, Brokers: b.Addr(), StateDir: filepath.Join(dir, name), Workers: 1,
			UntilEnd: bounded, MaxAhead: time.Hour, Session: 6 * time.Second, FlushBytes: 64 << 10})
	}
	kept, killed := start("kept", false), start("killed", false)
	eventually(t, time.Minute, "tasks in both", func() (bool, string) {
		x, y := kept.tasks(), killed.tasks()
		return x >= 2 && y >= 2 && x+y == 5, fmt.Sprint(x, y)
	})
	results := func() int { return len(readAll(t, b.Addr(), j.named())) }
	a.produce(j.in(), chain(payments(0, first, 0), payments(0, first, 1)))
	eventually(t, time.Minute, "first results", func() (bool, string) {
		got := results()
		return got > first, strconv.Itoa(got)
	})
	// Both are at work on what comes now when one is killed, and what comes then is there for the
	// other alone.
	a.produce(j.in(), chain(payments(first, second, 0), payments(first, second, 1)))
	eventually(t, time.Minute, "results of what came next", func() (bool, string) {
		got := results()
		return got > 2*first, strconv.Itoa(got)
	})
	killed.kill()
	t.Logf("killed after %d results of %d", results(), 2*second)
	a.produce(j.in(), chain(payments(second, end, 0), payments(second, end, 1)))
	want, _ := alertsOf(chain(payments(0, n, 0), payments(0, n, 1)))
	eventually(t, 2*time.Minute, "results", func() (bool, string) {
		got := results()
		return got >= 2*n, strconv.Itoa(got)
	})
	kept.stop(t, time.Minute)
	inOrderOf := func(topic string, most int) map[string][]string {
		got := map[string][]string{}
		for _, o := range readAll(t, b.Addr(), topic) {
			if i, _ := strconv.Atoi(o.Value[strings.LastIndex(o.Value, "-")+1:]); i < most {
				got[o.Key] = append(got[o.Key], o.Value)
			}
		}
		return got
	}
	sameLists(t, "all, after the kill", inOrderOf(j.named(), n), want)
	// Which of the last hour's have been handed on by now is not said.
	if code := start("last", true).wait(t, time.Minute); code != 0 {
		t.Fatalf("the bounded run ends with %d", code)
	}
	want, alerts := alertsOf(chain(payments(0, end, 0), payments(0, end, 1)))
	sameLists(t, "all", inOrderOf(j.named(), end), want)
	sameLists(t, "alerts", inOrderOf(j.out(), end), alerts)
}

func sameLists(t *testing.T, what string, got, want map[string][]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d users, want %d", what, len(got), len(want))
	}
	for user, w := range want {
		g := got[user]
		if slices.Equal(g, w) {
			continue
		}
		at := 0
		for at < min(len(g), len(w)) && g[at] == w[at] {
			at++
		}
		t.Errorf("%s: user %s has %d, want %d; from number %d on\n got %v\nwant %v", what, user, len(g), len(w), at, g[at:min(len(g), at+5)], w[at:min(len(w), at+5)])
	}
}
