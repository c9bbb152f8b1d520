//go:build !kafka

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/processor"
)

// TestBoundedTails ends bounded runs over partitions that have no records at their end: markers of
// transactions, aborted records, or what compaction has left of a log.
func TestBoundedTails(t *testing.T) {
	for _, c := range []struct {
		name string
		tail func(t *testing.T, b *inProcess, topic string)
		want int
	}{
		{"committed", func(t *testing.T, b *inProcess, topic string) { transact(t, b.Addr(), topic, 3, true) }, 8},
		{"aborted", func(t *testing.T, b *inProcess, topic string) { transact(t, b.Addr(), topic, 3, false) }, 5},
		{"aborted again and again", func(t *testing.T, b *inProcess, topic string) {
			for range 5 {
				transact(t, b.Addr(), topic, 300, false)
			}
		}, 5},
		{"compacted, and aborted", func(t *testing.T, b *inProcess, topic string) {
			// The deletions of all keys, and then not even those.
			adm := newAdmin(t, b.Addr())
			adm.produce(topic, func(yield func(message) bool) {
				for i := range 5 {
					yield(message{Key: []byte{byte(i)}, Partition: 0})
				}
			})
			transact(t, b.Addr(), topic, 3, false)
			eventually(t, 20*time.Second, "deletions have gone", func() (bool, string) {
				// they are kept for a moment
				b.Compact()
				left := readAll(t, b.Addr(), topic)
				return len(left) == 0, fmt.Sprintf("%d are left", len(left))
			})
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := startFake(t)
			j := job{"copied", names(t, "app")}
			adm := newAdmin(t, b.Addr())
			adm.create(j.in(), 1, map[string]string{"cleanup.policy": "compact", "delete.retention.ms": "0"})
			adm.create(j.out(), 1, nil)
			adm.produce(j.in(), func(yield func(message) bool) {
				for i := range 5 {
					yield(message{Key: []byte{byte(i)}, Value: []byte("v"), Partition: 0})
				}
			})
			c.tail(t, b, j.in())
			a := startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.UntilEnd = true })
			if err := a.wait(t, 20*time.Second); err != nil {
				t.Fatal(err)
			}
			if at, end := adm.committed(j.Prefix)[j.in()][0], adm.ends(j.in(), true)[0]; at != end {
				t.Errorf("the run has committed %d of %d", at, end)
			}
			if got := len(readAll(t, b.Addr(), j.out())); got != c.want {
				t.Errorf("%d records out, want %d", got, c.want)
			}
		})
	}
}

// TestBoundedRunWaitsForATransaction has an end behind a hole: what lay before it was compacted
// away, and a transaction follows. Whether the run passes over the hole or sees the transaction's
// end first, it ends, without the transaction's records.
func TestBoundedRunWaitsForATransaction(t *testing.T) {
	t.Parallel()
	b := startFake(t)
	j := job{"copied", names(t, "app")}
	adm := newAdmin(t, b.Addr())
	adm.create(j.in(), 1, map[string]string{"cleanup.policy": "compact", "delete.retention.ms": "0"})
	adm.create(j.out(), 1, nil)
	for _, m := range []message{{Key: []byte("a"), Value: []byte("v")}, {Key: []byte("b"), Value: []byte("v")}, {Key: []byte("b")}} {
		adm.produce(j.in(), func(yield func(message) bool) { yield(m) }) // a batch for each
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.TransactionalID(names(t, "txn")), kgo.DefaultProduceTopic(j.in()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord("t")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	b.Compact()
	if start, end := adm.starts(j.in())[0], adm.ends(j.in(), true)[0]; start != 0 || end != 3 {
		t.Fatalf("the log is stable from %d to %d", start, end)
	}
	a := startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.UntilEnd = true })
	eventually(t, 30*time.Second, "the record before the hole", func() (bool, string) {
		a.running(t)
		return adm.committed(j.Prefix)[j.in()][0] == 1, ""
	})
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if err := a.wait(t, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, b.Addr(), j.out()); len(got) != 1 || got[0].Key != "a" {
		t.Errorf("records out: %v", got)
	}
}

// transact produces n records in a transaction.
func transact(t *testing.T, addr, topic string, n int, commit bool) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.TransactionalID(names(t, "txn")), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx := context.Background()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for range n {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Key: []byte("t"), Value: []byte("t")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := cl.EndTransaction(ctx, kgo.TransactionEndTry(commit)); err != nil {
		t.Fatal(err)
	}
}
