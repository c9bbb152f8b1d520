package task

import (
	"math"
	"slices"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology"
)

// schedule is one punctuation that an operator asked for.
type schedule struct {
	key      scheduleKey
	place    int   // of its node
	interval int64 // milliseconds
	p        flow.Punctuator
	due      int64 // the next multiple of interval that is due; NoTime if time has not begun
}

// agenda are the schedules that go by one time: the task's, or that of a line. Wall-clock schedules
// are all in the task's.
type agenda struct {
	time      *int64
	schedules []*schedule // in the order of their places
	streamDue int64       // when the next stream-time punctuation is due
	undone    bool        // an operator that acts by it has something left to do
	// seen is the largest timestamp taken, where schedules go by that, as in Kafka Streams; else
	// nil.
	seen *int64
}

// scheduleKey is what a schedule is stored under.
type scheduleKey struct {
	clock topology.Clock
	name  string
}

// Schedule asks for calls of p. Calls come at multiples of interval, stream time when task time
// reaches them, wall-clock time with [Task.Tick]. When several multiples have passed at once there
// is one call, with the largest: the number of calls depends on how time arrives. Intervals under a
// millisecond are a millisecond. Of those due at one time, the ones of nodes further ahead come
// first.
//
// At the end of a bounded run stream-time punctuators are called with the next multiple after the
// largest time seen, before windows close, and once more after it if the task has operators that
// act by time.
func (t *Task) Schedule(place int, name string, kind topology.Clock, interval time.Duration, p flow.Punctuator) {
	t.schedule(&t.agenda, place, name, kind, interval, p)
}

// schedule adds a schedule to a.
func (t *Task) schedule(a *agenda, place int, name string, kind topology.Clock, interval time.Duration, p flow.Punctuator) {
	s := &schedule{key: scheduleKey{kind, name}, place: place, interval: max(1, interval.Milliseconds()), p: p, due: topology.NoTime}
	now := *a.time
	if kind == topology.WallClock {
		now = t.now
	}
	switch {
	case a.seen != nil && kind == topology.StreamTime:
		s.due = 0
	case now != topology.NoTime:
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
	at := len(a.schedules)
	for at > 0 && a.schedules[at-1].place > place {
		at--
	}
	a.schedules = slices.Insert(a.schedules, at, s)
	a.reschedule()
}

// Unschedule ends the schedules of that name; see [flow.Task].
func (t *Task) Unschedule(name string) { t.unschedule(&t.agenda, name) }

// unschedule ends the schedules of a name in a: they are never due again.
func (t *Task) unschedule(a *agenda, name string) {
	for _, s := range a.schedules {
		if s.key.name == name && s.due != never {
			s.due = never
			t.setDue(s)
			t.touch()
		}
	}
	a.reschedule()
}

// never is when a schedule is due that was ended.
const never = math.MaxInt64

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
	a.streamDue = never
	if a.seen != nil {
		return // see punctuateSeen
	}
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

// punctuateSeen calls the stream-time punctuators that are due by the largest timestamp taken, with
// that, in the order in which they are due. It is called after each record, as Kafka Streams does.
func (t *Task) punctuateSeen() error {
	for now := *t.agenda.seen; ; {
		var next *schedule
		for _, s := range t.agenda.schedules {
			if s.key.clock == topology.StreamTime && s.due <= now && (next == nil || s.due < next.due) {
				next = s
			}
		}
		if next == nil {
			return nil
		}
		if err := t.punctuate(next, now); err != nil {
			return err
		}
	}
}

// punctuateAll calls the stream-time punctuators at the end of a bounded run. Those that go by what
// was taken are called by nothing else.
func (t *Task) punctuateAll(a *agenda) error {
	if a.seen != nil {
		return nil
	}
	for _, s := range a.schedules {
		if s.key.clock != topology.StreamTime || s.due == never {
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
	if next := after(at, s.interval); s.due != next && s.due != never {
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
//
// They are called in the order in which they are due.
func (t *Task) tickWall() error {
	for {
		var next *schedule
		for _, s := range t.agenda.schedules {
			if s.key.clock != topology.WallClock || s.due == never {
				continue
			}
			s.due = min(s.due, after(t.now, s.interval))
			if s.due <= t.now && (next == nil || s.due < next.due) {
				next = s
			}
		}
		if next == nil {
			return nil
		}
		at := reached(t.now, next.interval)
		if t.agenda.seen != nil {
			at = t.now
		}
		if err := t.punctuate(next, at); err != nil {
			return t.fail(err)
		}
	}
}
