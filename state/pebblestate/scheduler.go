package pebblestate

import (
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// scheduler is the limit on compactions that the databases of an engine share. A database asks for
// a slot when it wants to compact; one that got none is asked again, in turn, when a slot comes
// free.
//
// Slots are given out again by one goroutine (run), because a database must be asked without any
// lock held: its own lock comes before that of the scheduler.
type scheduler struct {
	poke chan struct{} // room for one
	quit chan struct{}
	done chan struct{}

	mu      sync.Mutex
	free    int
	members []*member
	next    int // whose turn it is
	// refused says that somebody was, perhaps only because grant held a slot for another one that
	// did not want it.
	refused bool
}

func newScheduler(slots int) *scheduler {
	s := &scheduler{free: slots, poke: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	go s.run()
	return s
}

// close ends the scheduler. No database is open any more, but one may still be about to say that it
// is done.
func (s *scheduler) close() {
	close(s.quit)
	<-s.done
}

func (s *scheduler) wake() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

func (s *scheduler) run() {
	defer close(s.done)
	for {
		select {
		case <-s.poke:
		case <-s.quit:
			return
		}
		for s.grant() {
		}
	}
}

// grant offers free slots to each member once. again says that another round may find a taker.
func (s *scheduler) grant() (again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = false
	for range len(s.members) {
		if len(s.members) == 0 {
			break
		}
		s.next = (s.next + 1) % len(s.members)
		m := s.members[s.next]
		if !m.take() {
			continue
		}
		m.asked++
		s.mu.Unlock()
		waiting, _ := m.db.GetWaitingCompaction()
		taken := waiting && m.db.Schedule(m)
		s.mu.Lock()
		m.asked--
		if m.asked == 0 {
			m.quiet.Broadcast()
		}
		if !taken {
			m.give()
			continue
		}
		again = true
	}
	return again || s.refused
}

// member is one database's part of the scheduler: a pebble.CompactionScheduler, and the handle of
// each of its compactions.
type member struct {
	s  *scheduler
	f  *failure
	db pebble.DBForCompaction

	// All below is guarded by the scheduler's lock.
	running int
	asked   int // calls to db under way
	quiet   sync.Cond
	gone    bool
}

func (s *scheduler) member(f *failure) *member {
	m := &member{s: s, f: f}
	m.quiet.L = &s.mu
	return m
}

// take takes a slot if there is one that m may have. A database that has failed gets none: Pebble
// would begin the compaction that failed again and again.
func (m *member) take() bool {
	if m.gone || m.f.get() != nil || m.s.free == 0 || m.running >= m.db.GetAllowedWithoutPermission() {
		return false
	}
	m.s.free--
	m.running++
	return true
}

func (m *member) give() {
	m.s.free++
	m.running--
}

func (m *member) Register(_ int, db pebble.DBForCompaction) {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	m.db = db
	m.s.members = append(m.s.members, m)
}

func (m *member) Unregister() {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	m.gone = true
	for i, o := range m.s.members {
		if o == m {
			m.s.members = append(m.s.members[:i:i], m.s.members[i+1:]...)
			break
		}
	}
	for m.asked > 0 {
		m.quiet.Wait()
	}
}

// TrySchedule is called with the lock of the database held. If it says no, the database will answer
// GetWaitingCompaction with yes as soon as that lock is free.
func (m *member) TrySchedule() (bool, pebble.CompactionGrantHandle) {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	if !m.take() {
		m.s.refused = true
		return false, nil
	}
	return true, m
}

// UpdateGetAllowedWithoutPermission is called with the lock of the database held.
func (m *member) UpdateGetAllowedWithoutPermission() { m.s.wake() }

func (m *member) Started() {}

func (m *member) MeasureCPU(pebble.CompactionGoroutineKind) {}

func (m *member) CumulativeStats(pebble.CompactionGrantHandleStats) {}

func (m *member) Done() {
	m.s.mu.Lock()
	m.give()
	m.s.mu.Unlock()
	m.s.wake()
}
