package e2e

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/processor"
)

// TestLatency produces 5,000 records a second and measures, for each, the time until a
// read-committed consumer sees its result: one sub-topology, every update, a commit at least every
// 100 ms.
func TestLatency(t *testing.T) {
	const (
		perTick = 25 / slow // 200 times a second: 5,000 a second
		rate    = 200 * perTick
		warmUp  = rate     // one second
		n       = 4 * rate // and three that count
		most    = 150 * time.Millisecond
	)
	b := startBroker(t)
	a := newAdmin(t, b.Addr())
	j := job{"words", names(t, "app")}
	a.create(j.in(), 4, nil)
	a.create(j.out(), 4, nil)
	live := readLive(t, b.Addr(), j.out())
	x := startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.CommitInterval = 100 * time.Millisecond })
	eventually(t, 30*time.Second, "running", func() (bool, string) {
		x.running(t)
		return x.State() == processor.Running, x.State().String()
	})
	// Every key occurs twice, so that the count tells the two apart.
	sent := make([]time.Time, n)
	tick := time.NewTicker(time.Second / 200)
	defer tick.Stop()
	for i := 0; i < n; {
		<-tick.C
		for range perTick {
			sent[i] = time.Now()
			r := &kgo.Record{Topic: j.in(), Key: fmt.Append(nil, i/2), Value: []byte("x"), Partition: -1}
			a.cl.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
			i++
		}
	}
	eventually(t, 30*time.Second, "all results", func() (bool, string) {
		x.running(t)
		return live.count() >= n, strconv.Itoa(live.count())
	})
	x.stop(t)
	var took []time.Duration
	for _, o := range live.all(t) {
		k, err := strconv.Atoi(o.Key)
		if err != nil {
			t.Fatal(err)
		}
		count, err := strconv.Atoi(o.Value)
		if err != nil {
			t.Fatal(err)
		}
		if i := 2*k + count - 1; i >= warmUp {
			took = append(took, o.At.Sub(sent[i]))
		}
	}
	if len(took) != n-warmUp {
		t.Fatalf("%d results, want %d", len(took), n-warmUp)
	}
	slices.Sort(took)
	median := took[len(took)/2]
	t.Logf("on %s: median %v, 95 %% %v, 99 %% %v, max %v", brokerName, median, took[len(took)*95/100], took[len(took)*99/100], took[len(took)-1])
	if median > most {
		t.Errorf("median %v, want at most %v", median, most)
	}
}
