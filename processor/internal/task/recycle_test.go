package task

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ledger notes which memory is lent.
type ledger struct{ lent, back int }

func (l *ledger) GetRecords(n int) []kgo.Record { l.lent += n; return make([]kgo.Record, 0, n) }
func (l *ledger) PutRecords(r []kgo.Record)     { l.back += len(r) }

// TestQueueRecycles: the memory of a batch goes back when its last message is removed, not earlier,
// and not for what is dropped, or removed while somebody may use it still.
func TestQueueRecycles(t *testing.T) {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	var l ledger
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.ConsumeTopics("t"), kgo.DefaultProduceTopic("t"), kgo.WithPools(&l),
		kgo.ManualFlushing()) // what lies between two flushes is one batch
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	const batch = 10
	for range 4 {
		for i := range batch {
			cl.Produce(t.Context(), kgo.SliceRecord(bytes.Repeat([]byte{byte(i)}, 100)), func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
		if err := cl.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var q queue
	for got := 0; got < 4*batch; {
		fetches := cl.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		recs := fetches.Records()
		q.push(recs)
		got += len(recs)
	}
	for i := range 2 * batch {
		if want := i / batch * batch; l.back != want {
			t.Fatalf("%d records back after %d were removed, want %d", l.back, i, want)
		}
		q.pop(true)
	}
	for i := range batch {
		q.pop(i != 3)
	}
	q.clear()
	if l.lent != 4*batch || l.back != 2*batch {
		t.Errorf("%d records lent, %d back after two of four batches", l.lent, l.back)
	}
}
