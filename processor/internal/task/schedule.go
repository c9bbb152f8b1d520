package task

import (
	"math"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology"
)

// schedule is one punctuation that an operator asked for.
type schedule struct {
	key      scheduleKey
	interval int64 // milliseconds
	p        flow.Punctuator
	due      int64 // the next multiple of interval that is due; NoTime if time has not begun
}

// agenda are the schedules that go by one time: the task's, or that of a line. Wall-clock schedules
// are all in the task's.
type agenda struct {
	time      *int64
	schedules []*schedule
	streamDue int64 // when the next stream-time punctuation is due
	undone    bool  // an operator that acts by it has something left to do
}

// scheduleKey is what a schedule is stored under.
type scheduleKey struct {
	clock topology.Clock
	name  string
}

// Schedule asks for calls of p. Calls come at multiples of interval, stream time when task time
// reaches them, wall-clock time with [Task.Tick]. When several multiples have passed at once there
// is one call, with the largest: the number of calls depends on how time arrives. Intervals under a
// millisecond are a millisecond.
//
// At the end of a bounded run stream-time punctuators are called with the next multiple after the
// largest time seen, before windows close, and once more after it if the task has operators that
// act by time.
func (t *Task) Schedule(name string, kind topology.Clock, interval time.Duration, p flow.Punctuator) {
	t.schedule(&t.agenda, name, kind, interval, p)
}

// schedule adds a schedule to a.
func (t *Task) schedule(a *agenda, name string, kind topology.Clock, interval time.Duration, p flow.Punctuator) {
	s := &schedule{key: scheduleKey{kind, name}, interval: max(1, interval.Milliseconds()), p: p, due: topology.NoTime}
	now := *a.time
	if kind == topology.WallClock {
		now = t.now
	}
	if now != topology.NoTime {
		s.due = after(now, s.interval)
	}
	if d, ok := t.dues.now[s.key]; ok && d.interval == s.interval {
		s.due = d.at // goes on where it was; another interval begins anew
	}
	for i, old := range a.schedules {
		if old.key == s.key {
			a.schedules[i] = s
			a.reschedule()
			return
		}
	}
	a.schedules = append(a.schedules, s)
	a.reschedule()
}

// after is the first multiple of interval after now, reached the last at or before it. There is
// none near the end of time.
func after(now, interval int64) int64 {
	if at := reached(now, interval); at <= topology.EndOfTime-interval {
		return at + interval
	}
	return topology.EndOfTime
}

func reached(now, interval int64) int64 {
	m := now % interval
	if m < 0 {
		m += interval
	}
	return now - m
}

// reschedule computes when the next stream-time punctuation is due.
func (a *agenda) reschedule() {
	a.streamDue = math.MaxInt64
	for _, s := range a.schedules {
		if s.key.clock == topology.StreamTime {
			a.streamDue = min(a.streamDue, s.due)
		}
	}
}

// punctuateNext calls the stream-time punctuator whose time comes first on the way to now. When
// time begins, the first call is due at the first multiple that is not before it.
func (t *Task) punctuateNext(a *agenda, now int64) error {
	var next *schedule
	at := int64(math.MaxInt64)
	for _, s := range a.schedules {
		if s.key.clock != topology.StreamTime {
			continue
		}
		if s.due == topology.NoTime {
			s.due = after(now-1, s.interval)
		}
		if m := reached(now, s.interval); s.due <= now && m < at {
			next, at = s, m
		}
	}
	if next != nil {
		*a.time = max(*a.time, at)
		if err := t.punctuate(next, at); err != nil {
			return err
		}
	}
	a.reschedule()
	return nil
}

// punctuateAll calls the stream-time punctuators at the end of a bounded run.
func (t *Task) punctuateAll(a *agenda) error {
	for _, s := range a.schedules {
		if s.key.clock != topology.StreamTime {
			continue
		}
		at := max(*a.time, t.maxRef)
		if at == topology.NoTime {
			continue // nothing has happened
		}
		next := s.due
		if next == topology.NoTime || next <= at {
			next = after(at, s.interval)
		}
		t.end.closes = max(t.end.closes, next) // what it sends at that time can open windows
		if err := t.punctuate(s, next); err != nil {
			return err
		}
	}
	a.reschedule()
	return nil
}

// punctuate calls s at a time, and notes when it is due again.
func (t *Task) punctuate(s *schedule, at int64) error {
	if next := after(at, s.interval); s.due != next {
		s.due = next
		t.setDue(s)
	}
	t.counts.punctuations++
	t.touch()
	return t.timeMade(s.p.Punctuate, at)
}

// tickWall calls the wall-clock punctuators that are due. One that is due more than an interval
// from now was so before the clock was put back, by however much: it does not wait for that time to
// come again.
func (t *Task) tickWall() error {
	for i := 0; i < len(t.agenda.schedules); i++ {
		s := t.agenda.schedules[i]
		if s.key.clock != topology.WallClock {
			continue
		}
		s.due = min(s.due, after(t.now, s.interval))
		if s.due <= t.now {
			if err := t.punctuate(s, reached(t.now, s.interval)); err != nil {
				return t.fail(err)
			}
		}
	}
	return nil
}
