//go:build !kafka

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/processor"
)

// TestJoinAfterAnOutage joins a stream with a table behind a repartition topic. The application is
// down while both get more input, and when it is back the table's input comes late: records wait
// for it, although its tasks had said before that they had caught up.
func TestJoinAfterAnOutage(t *testing.T) {
	t.Parallel()
	b := startFake(t)
	j := job{"named", names(t, "app")}
	adm := newAdmin(t, b.Addr())
	for _, topic := range []string{j.in(), j.out(), j.named()} {
		adm.create(topic, 1, nil)
	}
	start := time.Now().Add(-time.Hour).UnixMilli() // nothing is live
	send := func(topic, key, value string, at int64) {
		adm.produce(topic, func(yield func(message) bool) {
			yield(message{Key: []byte(key), Value: []byte(value), Partition: 0, Timestamp: start + at})
		})
	}
	dir := t.TempDir()
	run := func() *app {
		return startApp(t, b, j, nil, func(cfg *processor.Config) {
			cfg.StateDir, cfg.SessionTimeout, cfg.WatermarkInterval = dir, 1500*time.Millisecond, 20*time.Millisecond
			cfg.IdleAfter = time.Hour // it has caught up, and is not idle
		})
	}
	results := func(a *app, want ...string) {
		t.Helper()
		eventually(t, 30*time.Second, fmt.Sprint(want), func() (bool, string) {
			a.running(t)
			var got []string
			for _, o := range readAll(t, b.Addr(), j.out()) {
				got = append(got, o.Value)
			}
			return strings.Join(got, ", ") == strings.Join(want, ", "), strings.Join(got, ", ")
		})
	}
	send(j.named(), "x", "k one", 100)
	a := run()
	eventually(t, 30*time.Second, "the table", func() (bool, string) {
		a.running(t)
		return adm.committed(j.Prefix)[j.Prefix+"-names-repartition"][0] > 0, ""
	})
	// Later than all of the table: it is joined because the writers have caught up.
	send(j.in(), "k", "first", 200)
	results(a, "first one")
	a.stop(t)

	send(j.named(), "x", "k two", 300)
	send(j.in(), "k", "second", 400)
	held := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: j.named(), Partitions: []int32{0}, Err: kerr.NotLeaderForPartition, Count: -1})
	a = run()
	eventually(t, 30*time.Second, "tasks", func() (bool, string) { return a.State() == processor.Running, a.State().String() })
	pause(500 * time.Millisecond) // for what must not happen
	results(a, "first one")
	held.Remove()
	results(a, "first one", "second two")
	a.stop(t)

	// A restart without an outage: nothing holds records up.
	a = run()
	send(j.in(), "k", "third", 500)
	results(a, "first one", "second two", "third two")
	a.stop(t)
}
