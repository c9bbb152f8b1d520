package assign

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Siblings are the members of one process, which begin to join the group at the same time. It is
// safe for concurrent use.
//
// The first of them that the broker hears would make a group of its own, take every task of the
// process, and learn of the others with its next heartbeat: the tasks would move twice, in the
// middle of their restores. So the leader that misses siblings at the first meeting waits with its
// decision until all have asked to join. The broker then calls for another meeting instead of
// taking the decision, and the leader answers that call at once, for it is not between two
// heartbeats.
type Siblings struct {
	number int
	// most and settle are siblingWait and askWait.
	most, settle time.Duration

	mu    sync.Mutex
	asked map[int32]bool
	all   chan struct{} // closed when all have asked

	wait sync.Once
}

const (
	// siblingWait is how long a leader waits for its siblings at most: one of them may have failed.
	siblingWait = 250 * time.Millisecond
	// askWait is for what has been written and the broker has yet to read.
	askWait = 10 * time.Millisecond
)

// NewSiblings returns those of a process with number members.
func NewSiblings(number int) *Siblings {
	return &Siblings{number: number, most: siblingWait, settle: askWait, asked: map[int32]bool{}, all: make(chan struct{})}
}

// Hook returns the hook of the client of a worker: it sees when the client asks to join.
func (s *Siblings) Hook(worker int32) kgo.Hook { return joinHook{s, worker} }

// ask notes that a worker has asked to join.
func (s *Siblings) ask(worker int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked[worker] {
		return
	}
	s.asked[worker] = true
	if len(s.asked) == s.number {
		close(s.all)
	}
}

// await waits for the siblings if present, the number of those at the meeting, is not all. It waits
// once.
func (s *Siblings) await(present int) {
	if s == nil || present >= s.number {
		return
	}
	s.wait.Do(func() {
		select {
		case <-s.all:
			time.Sleep(s.settle)
		case <-time.After(s.most):
		}
	})
}

type joinHook struct {
	siblings *Siblings
	worker   int32
}

const joinGroupKey = 11

// OnBrokerWrite is called by the client after each request.
func (h joinHook) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if key == joinGroupKey && err == nil {
		h.siblings.ask(h.worker)
	}
}
