package changelog_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/seeds"
)

// many partitions at once, with aborted transactions, little memory and small fetches: everybody
// gets what was committed.
func TestRestoreMany(t *testing.T) {
	const partitions = 12
	rnd := seeds.Rand(t)
	c := cluster(t, kfake.NumBrokers(3))
	w := newWriter(t, c, rnd, "w")
	createTopic(t, w.cl, "log", partitions)
	w.transactions(300, "log", partitions)

	for _, cfg := range []changelog.Config{
		{},
		{Memory: 100_000, FetchBytes: 2_000},
		{Memory: 1, FetchBytes: 1},
		{Memory: 1 << 20, BatchBytes: 1},
	} {
		r := restorer(t, c, cfg)
		stores := make([]*store, partitions)
		var wg sync.WaitGroup
		for p := range stores {
			stores[p] = newStore()
			wg.Go(func() {
				last := changelog.Progress{}
				req := stores[p].request("log", int32(p), changelog.Spec{Store: "s"})
				req.Progress = func(p changelog.Progress) { last = p }
				res, err := r.Restore(context30(t), req)
				if err != nil {
					t.Error(err)
				}
				if res.Position < res.End || res.Position != stores[p].next || res.TopicID == [16]byte{} {
					t.Errorf("partition %d: %+v, store at %d", p, res, stores[p].next)
				}
				if last.Position != res.Position || last.Records != res.Records || res.Records != int64(stores[p].changes) {
					t.Errorf("partition %d: last progress %+v, result %+v, %d changes", p, last, res.Progress, stores[p].changes)
				}
			})
		}
		wg.Wait()
		for p, s := range stores {
			s.equal(t, w.state("log", int32(p)))
		}
		r.Close()
	}
}

// a restore that is ended anywhere goes on where it stopped, and nothing is applied twice.
func TestRestoreResumes(t *testing.T) {
	rnd := seeds.Rand(t)
	c := cluster(t)
	w := newWriter(t, c, rnd, "w")
	createTopic(t, w.cl, "log", 1)
	r := restorer(t, c, changelog.Config{FetchBytes: 1, BatchBytes: 1})
	s := newStore()
	stop := errors.New("stop")
	left := 0
	s.onApply = func(*store) error {
		if left--; left < 0 {
			return stop
		}
		return nil
	}
	stops := 0
	for range 20 {
		w.transactions(10, "log", 1)
		left = rnd.IntN(20)
		_, err := r.Restore(context30(t), s.request("log", 0, changelog.Spec{}))
		switch {
		case errors.Is(err, stop):
			stops++
		case err != nil:
			t.Fatal(err)
		default:
			s.equal(t, w.state("log", 0))
		}
	}
	left = 1 << 30
	if _, err := r.Restore(context30(t), s.request("log", 0, changelog.Spec{})); err != nil {
		t.Fatal(err)
	}
	s.equal(t, w.state("log", 0))
	if stops == 0 {
		t.Error("no restore was stopped in the middle")
	}
}

// the end is reached although nothing but markers, or aborted records and a marker, lie before it.
func TestRestoreTails(t *testing.T) {
	c := cluster(t)
	w := newWriter(t, c, seeds.Rand(t), "w")
	createTopic(t, w.cl, "log", 3)
	w.begin()
	w.put("log", 0, "a", "1") // then a marker
	w.put("log", 1, "a", "1") // then a marker, aborted records, a marker
	w.end(true)
	w.begin()
	for range 100 {
		w.put("log", 1, "a", "wrong")
		w.put("log", 2, "a", "wrong") // aborted records and a marker only
	}
	w.end(false)
	r := restorer(t, c, changelog.Config{FetchBytes: 100})
	for p, end := range []int64{2, 103, 101} {
		s := newStore()
		res, err := r.Restore(context30(t), s.request("log", int32(p), changelog.Spec{}))
		if err != nil || res.Position != end || res.End != end || s.next != end {
			t.Errorf("partition %d: %+v, %v", p, res, err)
		}
		s.equal(t, w.state("log", int32(p)))
		// Once more there is nothing to do, and nothing is asked for.
		applies := s.applies
		if res, err = r.Restore(context30(t), s.request("log", int32(p), changelog.Spec{})); err != nil || s.applies != applies || res.Records != 0 {
			t.Errorf("partition %d again: %+v, %v", p, res, err)
		}
	}
}

// a transaction that is still open at the end is waited for, says Progress, and counts only if it
// is committed.
func TestRestoreWaitsForOpenTransaction(t *testing.T) {
	for _, commit := range []bool{true, false} {
		t.Run(fmt.Sprint("commit ", commit), func(t *testing.T) {
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
			r := restorer(t, c, changelog.Config{Report: 10 * time.Millisecond})
			s := newStore()
			req := s.request("log", 0, changelog.Spec{})
			waits := make(chan string, 1)
			req.Progress = func(p changelog.Progress) {
				if strings.Contains(p.Waiting, "open transaction") {
					select {
					case waits <- p.Waiting:
					default:
					}
				}
			}
			done := make(chan error, 1)
			go func() { _, err := r.Restore(context30(t), req); done <- err }()
			select {
			case why := <-waits:
				t.Log(why)
			case err := <-done:
				t.Fatalf("did not wait: %v", err)
			}
			w.end(commit)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			s.equal(t, w.state("log", 0))
			if s.next != 4 {
				t.Errorf("position %d", s.next)
			}
		})
	}
}

func TestRestoreTimestampsAndWindows(t *testing.T) {
	c := cluster(t)
	cl := client(t, c)
	createTopic(t, cl, "log", 1)
	spec := changelog.Spec{Store: "s", Windowed: true, Timestamped: true}
	want := map[string]string{}
	for i := range 100 {
		key, value := fmt.Sprintf("%08dkey%d", i%10, i%20), fmt.Sprintf("%08dvalue", i)
		m, _, err := spec.Encode(nil, []byte(key), []byte(value), i%7 == 0, 99)
		if err != nil {
			t.Fatal(err)
		}
		want[key] = value
		if i%7 == 0 {
			delete(want, key)
		}
		// 8 digits as a timestamp overflow milliseconds; keep to what a broker takes.
		produce(t, cl, &kgo.Record{Topic: "log", Key: m.Key, Value: m.Value, Timestamp: time.UnixMilli(int64(i))})
	}
	for k, v := range want {
		var i int
		if _, err := fmt.Sscanf(v, "%08dvalue", &i); err != nil {
			t.Fatal(err)
		}
		want[k] = "\x00\x00\x00\x00\x00\x00\x00" + string(rune(i)) + "value"
	}
	s := newStore()
	if _, err := restorer(t, c, changelog.Config{}).Restore(context30(t), s.request("log", 0, spec)); err != nil {
		t.Fatal(err)
	}
	s.equal(t, want)
}

func TestRestoreRefuses(t *testing.T) {
	rnd := seeds.Rand(t)
	c := cluster(t)
	w := newWriter(t, c, rnd, "w")
	createTopic(t, w.cl, "log", 1)
	w.transactions(10, "log", 1)
	r := restorer(t, c, changelog.Config{MissingAfter: 50 * time.Millisecond})
	s := newStore()
	res, err := r.Restore(context30(t), s.request("log", 0, changelog.Spec{}))
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, want error, change func(*changelog.Request)) {
		t.Helper()
		req := s.request("log", 0, changelog.Spec{Store: "counts"})
		req.TopicID = res.TopicID
		change(&req)
		before := s.applies
		_, err := r.Restore(context30(t), req)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		} else if !strings.Contains(err.Error(), "counts") || !strings.Contains(err.Error(), req.Topic) {
			t.Errorf("%s: does not name store and topic: %v", name, err)
		}
		if s.applies != before || s.resets > 0 {
			t.Errorf("%s: the store was changed", name)
		}
		t.Log(err)
	}
	check("committed end", changelog.ErrTruncated, func(q *changelog.Request) { q.Committed = res.End + 1 })
	check("local position", changelog.ErrTruncated, func(q *changelog.Request) { q.From = res.End + 1 })
	check("other id", changelog.ErrRecreated, func(q *changelog.Request) { q.TopicID[0]++ })
	check("no topic", changelog.ErrDeleted, func(q *changelog.Request) { q.Topic = "other" })
	check("no partition", changelog.ErrDeleted, func(q *changelog.Request) { q.Partition = 1 })
	deleteRecords(t, w.cl, "log", 0, 5)
	check("log start", changelog.ErrOutOfRange, func(q *changelog.Request) { q.From = 4 })
	check("log start, empty store", changelog.ErrOutOfRange, func(q *changelog.Request) { q.From = 0 })

	deleteTopic(t, w.cl, "log")
	createTopic(t, w.cl, "log", 1)
	check("recreated", changelog.ErrRecreated, func(*changelog.Request) {})
}

// a window changelog that was purged beyond the position is read from its start, into an empty
// store.
func TestRestorePurged(t *testing.T) {
	c := cluster(t)
	cl := client(t, c)
	createTopic(t, cl, "log", 1)
	for i := range 10 {
		produce(t, cl, &kgo.Record{Topic: "log", Key: []byte{byte('a' + i)}, Value: []byte("v")})
	}
	r := restorer(t, c, changelog.Config{})
	s := newStore()
	s.data["old"], s.next = "v", 3
	req := s.request("log", 0, changelog.Spec{})
	req.Purged = true
	deleteRecords(t, cl, "log", 0, 3)
	if _, err := r.Restore(context30(t), req); err != nil || s.resets != 0 || s.data["old"] != "v" || s.changes != 7 {
		t.Fatalf("purged up to the position: %v, %d resets, %v", err, s.resets, s.data)
	}
	s = newStore()
	s.data["old"], s.next = "v", 3
	req = s.request("log", 0, changelog.Spec{})
	req.Purged = true
	deleteRecords(t, cl, "log", 0, 8)
	if _, err := r.Restore(context30(t), req); err != nil || s.resets != 1 {
		t.Fatalf("%v, %d resets", err, s.resets)
	}
	s.equal(t, map[string]string{"i": "v", "j": "v"})
	deleteRecords(t, cl, "log", 0, 10)
	s.next = 9
	req = s.request("log", 0, changelog.Spec{})
	req.Purged = true
	if res, err := r.Restore(context30(t), req); err != nil || s.resets != 2 || res.Position != 10 {
		t.Fatalf("purged to the end: %v, %d resets, %+v", err, s.resets, res)
	}
}

func TestRestorePoison(t *testing.T) {
	for name, poison := range map[string]*kgo.Record{
		"no key":     {Value: []byte("v")},
		"window key": {Key: []byte("short"), Value: []byte("v")},
		"version":    {Key: []byte("key123456780000"), Headers: []kgo.RecordHeader{{Key: changelog.VersionHeader, Value: []byte{1}}}},
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster(t)
			cl := client(t, c)
			createTopic(t, cl, "log", 2)
			spec := changelog.Spec{Store: "s", Windowed: true}
			for range 3 {
				produce(t, cl, &kgo.Record{Topic: "log", Partition: 1, Key: []byte("k12345678\x00\x00\x00\x00"), Value: []byte("v")})
			}
			poison.Topic, poison.Partition = "log", 1
			produce(t, cl, poison)
			s := newStore()
			_, err := restorer(t, c, changelog.Config{BatchBytes: 1, FetchBytes: 1}).Restore(context30(t), s.request("log", 1, spec))
			var p *changelog.PoisonError
			if !errors.As(err, &p) || !errors.Is(err, changelog.ErrPoison) || p.Offset != 3 || p.Topic != "log" || p.Partition != 1 {
				t.Fatalf("got %v", err)
			}
			if s.next != 3 {
				t.Errorf("the records before it were not kept: position %d", s.next)
			}
			t.Log(err)
		})
	}
}
