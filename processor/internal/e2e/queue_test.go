//go:build !kafka

package e2e

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/processor"
)

// bulky yields n messages that do not compress, a millisecond apart.
func bulky(n int) iter.Seq[message] {
	return func(yield func(message) bool) {
		rng := rand.New(rand.NewPCG(1, 1))
		at := time.Date(2020, 1, 2, 0, 0, 0, 0, time.UTC).UnixMilli()
		for i := range n {
			value := fmt.Appendf(nil, "%d-", i)
			for len(value) < 1000 {
				value = append(value, byte('!'+rng.IntN(90)))
			}
			if !yield(message{Key: []byte("k"), Value: value, Timestamp: at + int64(i)}) {
				return
			}
		}
	}
}

// TestQueuesAreBounded holds back the table of a join, so that nothing of 20 MB of stream can be
// processed. What is fetched meanwhile stays within the budget's share for queues, and a few
// fetches. When the table is there everything goes on, without fetching it all again and again.
func TestQueuesAreBounded(t *testing.T) {
	const (
		n      = 20_000
		memory = 32 << 20
		queue  = 2 << 20 // a twelfth of memory without caches
		fetch  = 512 << 10
	)
	b := startFake(t)
	a := newAdmin(t, b.Addr())
	j := job{"joined", names(t, "app")}
	table := j.Prefix + "-table"
	for _, topic := range []string{j.in(), table, j.out()} {
		a.create(topic, 1, nil)
	}
	a.produce(j.in(), bulky(n))
	a.produce(table, func(yield func(message) bool) {
		yield(message{Key: []byte("k"), Value: []byte("name"), Timestamp: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()})
	})
	held := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: table, Partitions: []int32{0}, Err: kerr.NotLeaderForPartition, Count: -1})

	// bytes of records, and answers without any since the last one with
	var fetched, without atomic.Int64
	w := new(wire)
	w.add(wireRule{key: kmsg.Fetch, reply: func(_ kmsg.Request, resp kmsg.Response) verdict {
		size := 0
		for _, topic := range resp.(*kmsg.FetchResponse).Topics {
			for _, p := range topic.Partitions {
				size += len(p.RecordBatches)
			}
		}
		if size == 0 {
			without.Add(1)
		} else {
			without.Store(0)
		}
		fetched.Add(int64(size))
		return pass
	}})
	x := startApp(t, b, j, nil, func(cfg *processor.Config) {
		cfg.UntilEnd, cfg.Memory = true, memory
		cfg.ClientOptions = append(cfg.ClientOptions, kgo.Dialer(w.dial))
	})
	eventually(t, 30*time.Second, "the stream paused", func() (bool, string) {
		x.running(t)
		return fetched.Load() > 0 && without.Load() >= 5, fmt.Sprintf("%d bytes fetched, %d answers without records", fetched.Load(), without.Load())
	})
	if got := fetched.Load(); got > queue+4*fetch {
		t.Errorf("%d bytes were fetched while nothing could be processed", got)
	}
	held.Remove()
	if err := x.wait(t, time.Minute); err != nil {
		t.Fatal(err)
	}
	var want []row
	for m := range bulky(n) {
		want = append(want, row{"k", string(m.Value) + " name", m.Timestamp})
	}
	sameRows(t, j.out(), readAll(t, b.Addr(), j.out()), want)
	if got := fetched.Load(); got > n*1000*3/2 {
		t.Errorf("%d bytes were fetched for %d records", got, n)
	}
}
