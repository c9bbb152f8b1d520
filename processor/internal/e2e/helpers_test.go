package e2e

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The helpers of the suite decide what is right, so they are tested themselves: readers see
// committed messages alone, and a wire loses the replies that it is told to.
func TestReadersSeeWhatIsCommitted(t *testing.T) {
	b := startBroker(t)
	topic := names(t, "topic")
	a := newAdmin(t, b.Addr())
	a.create(topic, 2, nil)
	live := readLive(t, b.Addr(), topic)
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.TransactionalID(names(t, "txn")), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx := context.Background()
	var want []row
	for i := range 10 {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for p := range int32(2) {
			r := row{fmt.Sprint(i), fmt.Sprint(p), int64(i)}
			if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Partition: p, Key: []byte(r.Key), Value: []byte(r.Value), Timestamp: time.UnixMilli(int64(i))}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			if i%3 != 0 {
				want = append(want, r)
			}
		}
		if err := cl.EndTransaction(ctx, kgo.TransactionEndTry(i%3 != 0)); err != nil {
			t.Fatal(err)
		}
	}
	got := readAll(t, b.Addr(), topic)
	sameRows(t, "final read", got, want)
	eventually(t, 30*time.Second, "the live reader", func() (bool, string) {
		n := live.count()
		return n == len(want), strconv.Itoa(n)
	})
	nothingTakenBack(t, live.all(t), got)
	if lag, what := a.lag("nobody", topic); lag == 0 {
		t.Errorf("a group that committed nothing has no lag: %s", what)
	}
}

func TestWireLosesReplies(t *testing.T) {
	b := startBroker(t)
	topic := names(t, "topic")
	newAdmin(t, b.Addr()).create(topic, 1, nil)
	var w wire
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.Dialer(w.dial), kgo.DefaultProduceTopic(topic), kgo.TransactionalID(names(t, "txn")))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx := context.Background()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(ctx, kgo.StringRecord("v")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	lost := make(chan bool, 1)
	var remove func()
	remove = w.add(wireRule{key: kmsg.EndTxn, reply: func(req kmsg.Request, _ kmsg.Response) verdict {
		remove()
		lost <- req.(*kmsg.EndTxnRequest).Commit
		return cut
	}})
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatalf("end: %v (the client should have asked again)", err)
	}
	if commit := <-lost; !commit {
		t.Error("the lost reply was not that of a commit")
	}
	got := readAll(t, b.Addr(), topic)
	if !slices.EqualFunc(got, []string{"v"}, func(o output, v string) bool { return o.Value == v }) {
		t.Errorf("read %v", got)
	}
}

func TestBrokerSurvivesKill(t *testing.T) {
	b := startBrokerProcess(t)
	topic := names(t, "topic")
	a := newAdmin(t, b.Addr())
	a.create(topic, 1, nil)
	a.produce(topic, func(yield func(message) bool) { yield(message{Value: []byte("kept"), Partition: -1}) })
	b.Kill()
	b.Restart(t)
	if got := readAll(t, b.Addr(), topic); len(got) != 1 || got[0].Value != "kept" {
		t.Errorf("after the restart: %v", got)
	}
}
