package assign

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A leader waits for siblings that are missing: until they have asked, not longer than it must, and
// once.
func TestSiblingsAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took := func(s *Siblings, present int) time.Duration {
			start := time.Now()
			s.await(present)
			return time.Since(start)
		}
		if d := took(nil, 1); d != 0 {
			t.Errorf("without siblings: %v", d)
		}
		s := NewSiblings(3)
		if d := took(s, 3); d != 0 {
			t.Errorf("all are there: %v", d)
		}
		s.ask(0)
		s.ask(1)
		s.ask(1)
		time.AfterFunc(30*time.Millisecond, func() { s.ask(2) })
		if d := took(s, 2); d != 30*time.Millisecond+askWait {
			t.Errorf("one asks after 30 ms: %v", d)
		}
		if d := took(s, 2); d != 0 {
			t.Errorf("again: %v", d)
		}
		if d := took(NewSiblings(2), 1); d != siblingWait {
			t.Errorf("one never asks: %v", d)
		}
	})
}

// The members of a process that start together get their tasks at the first meeting, and none of
// them moves.
func TestSiblingsMeet(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 6, 1, nil, "in"); err != nil {
		t.Fatal(err)
	}
	l := &ledger{
		t: t, group: "app", addrs: c.ListenAddrs(), topics: map[string]int32{"in": 6}, subs: []Sub{{"counted", []string{"in"}}},
		owners: map[topicPartition]string{}, tasks: map[string][]Task{}, changed: make(chan struct{}, 1),
	}
	siblings := NewSiblings(3)
	siblings.most, siblings.settle = time.Minute, 200*time.Millisecond // the machine may be busy
	workers := []*worker{l.startSibling("p", 0, siblings), l.startSibling("p", 1, siblings), l.startSibling("p", 2, siblings)}
	l.await(workers...)
	l.mu.Lock()
	moves := l.moves
	l.mu.Unlock()
	if moves != 0 {
		t.Errorf("%d partitions moved", moves)
	}
	for _, w := range workers {
		w.close()
	}
}
