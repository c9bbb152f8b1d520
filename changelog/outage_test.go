package changelog_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/seeds"
)

// the broker stops in the middle of many restores, comes back, and they go on.
func TestRestoreBrokerRestarts(t *testing.T) {
	const partitions = 4
	dir, port := t.TempDir(), freePort(t)
	open := func() *kfake.Cluster {
		c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(dir))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := open()
	defer func() { c.Close() }()
	w := newWriter(t, c, seeds.Rand(t), "w")
	createTopic(t, w.cl, "log", partitions)
	w.transactions(200, "log", partitions)
	w.cl.Close()

	r := restorer(t, c, changelog.Config{FetchBytes: 100, BatchBytes: 1, Report: 10 * time.Millisecond})
	var wg sync.WaitGroup
	down, up := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var sayWaiting sync.Once
	waiting := make(chan struct{})
	stores := make([]*store, partitions)
	for p := range stores {
		s := newStore()
		stores[p] = s
		s.onApply = func(s *store) error {
			if s.applies == 5 {
				once.Do(func() { close(down) })
				<-up // the broker is down now; what was fetched before may come, the rest must wait
			}
			return nil
		}
		wg.Go(func() {
			req := s.request("log", int32(p), changelog.Spec{})
			req.Progress = func(p changelog.Progress) {
				if p.Waiting != "" {
					sayWaiting.Do(func() { close(waiting) })
				}
			}
			if res, err := r.Restore(context30(t), req); err != nil || res.Position != res.End {
				t.Errorf("partition %d: %+v, %v", p, res, err)
			}
		})
	}
	<-down
	c.Close()
	close(up)
	<-waiting
	c = open()
	wg.Wait()
	for p, s := range stores {
		s.equal(t, w.state("log", int32(p)))
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// a restore that begins before there is a broker waits for it, and ends with its context.
func TestRestoreWithoutBroker(t *testing.T) {
	r, err := changelog.NewRestorer(changelog.Config{Client: []kgo.Opt{kgo.SeedBrokers(fmt.Sprintf("127.0.0.1:%d", freePort(t)))}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { cancel(enough) })
	if _, err := r.Restore(ctx, newStore().request("log", 0, changelog.Spec{})); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	done := make(chan error)
	go func() { _, err := r.Restore(t.Context(), newStore().request("log", 0, changelog.Spec{})); done <- err }()
	go func() {
		done <- r.Follow(t.Context(), changelog.FollowRequest{Topic: "log", Apply: func(int32, []changelog.Change, int64) error { return nil }})
	}()
	r.Close()
	for range 2 {
		if err := <-done; !errors.Is(err, changelog.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

// errors that pass do not end a restore, nor do partitions that change their leader all the time.
func TestRestoreFaults(t *testing.T) {
	const partitions = 6
	rnd := seeds.Rand(t)
	c := cluster(t, kfake.NumBrokers(3))
	w := newWriter(t, c, rnd, "w")
	createTopic(t, w.cl, "log", partitions)
	w.transactions(200, "log", partitions)
	for _, err := range []*kerr.Error{kerr.NotLeaderForPartition, kerr.OffsetNotAvailable, kerr.UnknownTopicOrPartition, kerr.UnknownServerError, kerr.UnknownTopicID} {
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch, kmsg.ListOffsets, kmsg.Metadata}, Err: err, Count: 3})
	}
	r := restorer(t, c, changelog.Config{FetchBytes: 100, BatchBytes: 1})
	var wg sync.WaitGroup
	stores := make([]*store, partitions)
	for p := range stores {
		s := newStore()
		stores[p] = s
		s.onApply = func(s *store) error {
			if s.applies%3 == 0 {
				if err := c.MoveTopicPartition("log", int32(p), int32(s.applies/3%3)); err != nil {
					return err
				}
			}
			return nil
		}
		wg.Go(func() {
			if _, err := r.Restore(context30(t), s.request("log", int32(p), changelog.Spec{})); err != nil {
				t.Errorf("partition %d: %v", p, err)
			}
		})
	}
	wg.Wait()
	for p, s := range stores {
		s.equal(t, w.state("log", int32(p)))
	}
}

// an error that does not pass ends it.
func TestRestoreForbidden(t *testing.T) {
	c := cluster(t)
	cl := client(t, c)
	createTopic(t, cl, "log", 1)
	produce(t, cl, &kgo.Record{Topic: "log", Key: []byte("k"), Value: []byte("v")})
	for _, key := range []kmsg.Key{kmsg.Fetch, kmsg.ListOffsets, kmsg.Metadata} {
		h := c.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Topic: "log", Err: kerr.TopicAuthorizationFailed, Count: -1})
		_, err := restorer(t, c, changelog.Config{}).Restore(context30(t), newStore().request("log", 0, changelog.Spec{}))
		if !errors.Is(err, kerr.TopicAuthorizationFailed) || !strings.Contains(err.Error(), "log") {
			t.Errorf("%s: %v", key.Name(), err)
		}
		h.Remove()
	}
}

// the topic goes away, or becomes another one, while it is read.
func TestRestoreTopicGoesAway(t *testing.T) {
	for _, again := range []bool{false, true} {
		c := cluster(t)
		w := newWriter(t, c, seeds.Rand(t), "w")
		createTopic(t, w.cl, "log", 1)
		w.transactions(50, "log", 1)
		r := restorer(t, c, changelog.Config{FetchBytes: 100, BatchBytes: 1, MissingAfter: 50 * time.Millisecond})
		s := newStore()
		s.onApply = func(s *store) error {
			if s.applies == 3 {
				deleteTopic(t, w.cl, "log")
				if again {
					createTopic(t, w.cl, "log", 1)
				}
			}
			return nil
		}
		want := changelog.ErrDeleted
		if again {
			want = changelog.ErrRecreated
		}
		if _, err := r.Restore(context30(t), s.request("log", 0, changelog.Spec{})); !errors.Is(err, want) {
			t.Errorf("created again %v: %v", again, err)
		}
	}
}

// the log's start moves past the position while it is read.
func TestRestorePurgedMeanwhile(t *testing.T) {
	c := cluster(t)
	cl := client(t, c)
	createTopic(t, cl, "log", 1)
	for i := range 100 {
		produce(t, cl, &kgo.Record{Topic: "log", Key: fmt.Append(nil, i), Value: []byte("v")})
	}
	for _, purged := range []bool{true, false} {
		r := restorer(t, c, changelog.Config{FetchBytes: 1, BatchBytes: 1})
		s := newStore()
		s.onApply = func(s *store) error {
			if s.applies == 3 {
				deleteRecords(t, cl, "log", 0, 95)
			}
			return nil
		}
		req := s.request("log", 0, changelog.Spec{})
		req.Purged = purged
		_, err := r.Restore(context30(t), req)
		if !purged {
			if !errors.Is(err, changelog.ErrOutOfRange) {
				t.Errorf("got %v", err)
			}
			continue
		}
		if err != nil || s.resets != 1 {
			t.Fatalf("%v, %d resets", err, s.resets)
		}
		s.equal(t, map[string]string{"95": "v", "96": "v", "97": "v", "98": "v", "99": "v"})
	}
}

// compaction removed the records at the end of the log: the broker has nothing to send, and the
// restore is done.
func TestRestoreCompactedTail(t *testing.T) {
	c := cluster(t)
	cl := client(t, c)
	createTopic(t, cl, "log", 1)
	for i := range 10 {
		produce(t, cl, &kgo.Record{Topic: "log", Key: fmt.Append(nil, i), Value: []byte("v")})
	}
	// From offset 7 on there is nothing but the end.
	c.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.FetchRequest)
		p := req.Topics[0].Partitions[0]
		if p.FetchOffset < 7 {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		rt := kmsg.NewFetchResponseTopic()
		rt.Topic, rt.TopicID = req.Topics[0].Topic, req.Topics[0].TopicID
		rp := kmsg.NewFetchResponseTopicPartition()
		rp.Partition, rp.HighWatermark, rp.LastStableOffset, rp.LogStartOffset = 0, 10, 10, 0
		rt.Partitions = append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
		return resp, nil, true
	})
	s := newStore()
	s.next = 7
	res, err := restorer(t, c, changelog.Config{}).Restore(context30(t), s.request("log", 0, changelog.Spec{}))
	if err != nil || res.Position != 10 || s.next != 10 || s.changes != 0 {
		t.Errorf("%+v, %v; store at %d with %d changes", res, err, s.next, s.changes)
	}
}

// compaction in the middle leaves holes, and gives the same state.
func TestRestoreCompacted(t *testing.T) {
	c := cluster(t)
	w := newWriter(t, c, seeds.Rand(t), "w")
	createTopic(t, w.cl, "log", 1)
	w.transactions(100, "log", 1)
	c.Compact()
	s := newStore()
	r := restorer(t, c, changelog.Config{CompactionMovesStart: true, FetchBytes: 500})
	if _, err := r.Restore(context30(t), s.request("log", 0, changelog.Spec{})); err != nil {
		t.Fatal(err)
	}
	s.equal(t, w.state("log", 0))
	if s.changes >= w.records {
		t.Errorf("nothing was compacted: %d changes of %d records", s.changes, w.records)
	}
}

// An open transaction holds a restore back; who is told of it can end it.
func TestRestoreHeld(t *testing.T) {
	c := cluster(t)
	w := newWriter(t, c, seeds.Rand(t), "w")
	createTopic(t, w.cl, "log", 1)
	w.begin()
	w.put("log", 0, "a", "1")
	w.end(true)
	w.begin()
	w.put("log", 0, "a", "2")
	if err := w.cl.Flush(context30(t)); err != nil {
		t.Fatal(err)
	}
	held := 0
	s := newStore()
	req := s.request("log", 0, changelog.Spec{})
	req.Held = func() {
		if held++; held == 2 { // again and again
			w.end(false)
		}
	}
	if _, err := restorer(t, c, changelog.Config{}).Restore(context30(t), req); err != nil {
		t.Fatal(err)
	}
	if held < 2 {
		t.Errorf("told %d times", held)
	}
	s.equal(t, map[string]string{"a": "1"})
}
