package changelog_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/seeds"
)

// table is a global table: one content, a position for each partition.
type table struct {
	mu      sync.Mutex
	stores  map[int32]*store
	changed chan struct{}
	loaded  chan changelog.TopicInfo
}

func newTable() *table {
	return &table{stores: map[int32]*store{}, changed: make(chan struct{}, 1), loaded: make(chan changelog.TopicInfo, 10)}
}

func (tb *table) store(p int32) *store {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if tb.stores[p] == nil {
		tb.stores[p] = newStore()
	}
	return tb.stores[p]
}

func (tb *table) request(topic string) changelog.FollowRequest {
	from := map[int32]int64{}
	for p, s := range tb.stores {
		from[p] = s.next
	}
	return changelog.FollowRequest{
		Topic: topic, From: from,
		Apply: func(p int32, changes []changelog.Change, next int64) error {
			err := tb.store(p).apply(changes, next)
			select {
			case tb.changed <- struct{}{}:
			default:
			}
			return err
		},
		Reset:  func(p int32) error { return tb.store(p).reset() },
		Loaded: func(i changelog.TopicInfo) { tb.loaded <- i },
	}
}

// await waits until ok.
func (tb *table) await(t *testing.T, ok func() bool) {
	t.Helper()
	for ctx := context30(t); !ok(); {
		select {
		case <-tb.changed:
		case <-ctx.Done():
			t.Fatal("waited for too long")
		}
	}
}

func (tb *table) position(p int32) int64 {
	s := tb.store(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

func TestFollow(t *testing.T) {
	const partitions = 3
	c := cluster(t, kfake.NumBrokers(2))
	w := newWriter(t, c, seeds.Rand(t), "w")
	cl := client(t, c)
	createTopic(t, cl, "airports", partitions)
	w.transactions(100, "airports", partitions)
	produce(t, cl, &kgo.Record{Topic: "airports", Value: []byte("no key")})
	// An open transaction does not hold up the start, ...
	w.begin()
	w.put("airports", 0, "later", "1")
	if err := w.cl.Flush(context30(t)); err != nil {
		t.Fatal(err)
	}

	r := restorer(t, c, changelog.Config{FetchBytes: 500, BatchBytes: 300, Refresh: 20 * time.Millisecond})
	tb := newTable()
	ctx, cancel := context.WithCancelCause(context30(t))
	done := make(chan error, 1)
	skipped := int64(0)
	req := tb.request("airports")
	req.Progress = func(p changelog.Progress) { skipped = max(skipped, p.Skipped) }
	go func() { done <- r.Follow(ctx, req) }()
	select {
	case info := <-tb.loaded:
		if info.Name != "airports" || info.Partitions != partitions || info.ID == [16]byte{} {
			t.Errorf("loaded %+v", info)
		}
	case err := <-done:
		t.Fatal(err)
	}
	for p := range int32(partitions) {
		s := tb.store(p)
		s.equal(t, w.state("airports", p))
	}
	// ... and comes when it is committed.
	w.end(true)
	tb.await(t, func() bool { s := tb.store(0); s.mu.Lock(); defer s.mu.Unlock(); return s.data["later"] == "1" })

	// New records, a new partition.
	if _, err := kadm.NewClient(cl).CreatePartitions(context30(t), 1, "airports"); err != nil {
		t.Fatal(err)
	}
	w.cl.ForceMetadataRefresh()
	cl2 := client(t, c)
	produce(t, cl2, &kgo.Record{Topic: "airports", Partition: partitions, Key: []byte("new"), Value: []byte("partition")})
	tb.await(t, func() bool {
		s := tb.store(partitions)
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.data["new"] == "partition"
	})
	enough := errors.New("enough")
	cancel(enough)
	if err := <-done; !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	if skipped != 1 {
		t.Errorf("%d records without key skipped", skipped)
	}
	if len(tb.loaded) > 0 {
		t.Error("loaded twice")
	}

	// From its positions it goes on, and reads nothing twice.
	before := map[int32]int{}
	for p, s := range tb.stores {
		before[p] = s.changes
	}
	produce(t, cl2, &kgo.Record{Topic: "airports", Partition: 1, Key: []byte("k"), Value: []byte("v")})
	ctx, cancel = context.WithCancelCause(context30(t))
	req = tb.request("airports")
	go func() { done <- r.Follow(ctx, req) }()
	<-tb.loaded
	for p, s := range tb.stores {
		want := before[p]
		if p == 1 {
			want++
		}
		if s.changes != want {
			t.Errorf("partition %d: %d changes, want %d", p, s.changes, want)
		}
	}
	cancel(enough)
	<-done
}

// a topic that deletes records moves its start past the position: the partition is read again from
// there.
func TestFollowPurged(t *testing.T) {
	c := cluster(t)
	cl := client(t, c)
	createTopic(t, cl, "log", 2)
	for i := range 10 {
		produce(t, cl, &kgo.Record{Topic: "log", Partition: 1, Key: fmt.Append(nil, i), Value: []byte("v")})
	}
	deleteRecords(t, cl, "log", 1, 8)
	r := restorer(t, c, changelog.Config{FetchBytes: 1})
	tb := newTable()
	tb.store(1).next = 5
	tb.store(1).data["old"] = "v"
	req := tb.request("log")
	req.Reset = nil
	if err := r.Follow(context30(t), req); !errors.Is(err, changelog.ErrOutOfRange) {
		t.Errorf("without Reset: %v", err)
	}
	tb.store(1).next = 11
	if err := r.Follow(context30(t), tb.request("log")); !errors.Is(err, changelog.ErrTruncated) {
		t.Errorf("behind the end: %v", err)
	}
	tb.store(1).next = 5
	ctx, cancel := context.WithCancel(context30(t))
	defer cancel()
	stored := tb.store(1)
	req = tb.request("log")
	stored.onApply = func(s *store) error {
		if s.applies == 2 { // while it is read
			for i := range 10 {
				produce(t, cl, &kgo.Record{Topic: "log", Partition: 1, Key: fmt.Append(nil, i), Value: []byte("w")})
			}
			deleteRecords(t, cl, "log", 1, 18)
		}
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- r.Follow(ctx, req) }()
	tb.await(t, func() bool { return tb.position(1) == 20 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if stored.data["old"] != "" || stored.data["8"] != "w" || stored.data["9"] != "w" || stored.resets == 0 {
		t.Errorf("%d resets, %v", stored.resets, stored.data)
	}
}

func TestFollowRefuses(t *testing.T) {
	c := cluster(t)
	cl := client(t, c)
	createTopic(t, cl, "log", 1)
	r := restorer(t, c, changelog.Config{MissingAfter: 50 * time.Millisecond})
	if err := r.Follow(context30(t), newTable().request("other")); !errors.Is(err, changelog.ErrDeleted) {
		t.Error(err)
	}
	req := newTable().request("log")
	req.TopicID[0] = 1
	if err := r.Follow(context30(t), req); !errors.Is(err, changelog.ErrRecreated) {
		t.Error(err)
	}
	// An empty topic is loaded at once; then it is deleted.
	tb := newTable()
	done := make(chan error, 1)
	req = tb.request("log")
	go func() { done <- r.Follow(context30(t), req) }()
	<-tb.loaded
	deleteTopic(t, cl, "log")
	if err := <-done; !errors.Is(err, changelog.ErrDeleted) {
		t.Error(err)
	}
}
