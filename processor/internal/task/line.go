package task

import (
	"slices"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology"
)

// line is the task as the operators behind an InOrder see it; see [flow.Line]. Its time is
// stored with the task's: what lies before it was handed on, whatever the delay is when the task is
// opened again.
type line struct {
	*Task
	agenda
	own  *lineTime
	busy bool // with its end
}

// lineTime is the time of a line.
type lineTime struct {
	lineMoment
	was lineMoment // as of the last commit
	at  int64      // as its operators see it
}

// lineMoment is what is stored of the time of a line.
type lineMoment struct {
	now    int64 // what is earlier is done with
	ending stage
}

// leftOuts are records that user code has panicked on when they were handed on. They are left out
// as often as they come, until that is committed.
type leftOuts []leftOut

type leftOut struct {
	origin topology.Origin
	met    bool // in this transaction
}

// meets reports whether a record is one of them.
func (l leftOuts) meets(o topology.Origin) bool {
	for i := range l {
		if l[i].origin == o {
			l[i].met = true
			return true
		}
	}
	return false
}

// commit forgets those that were met.
func (l *leftOuts) commit() {
	*l = slices.DeleteFunc(*l, func(l leftOut) bool { return l.met })
}

// abort makes them all ones that were not met.
func (l leftOuts) abort() {
	for i := range l {
		l[i].met = false
	}
}

// Line returns the task as the operators behind the InOrder of that name see it.
func (t *Task) Line(name string) flow.Line {
	at := t.chronicle.line(name)
	l := &line{Task: t, agenda: agenda{time: &at.at}, own: at}
	l.reschedule()
	t.agendas = append(t.agendas, &l.agenda)
	return l
}

// Time is the time of the line.
func (l *line) Time() int64 {
	if l.Task.ended || l.own.ending != running && !l.building {
		return topology.EndOfTime
	}
	return l.own.at
}

// Settled is the time of the line as of the last commit that left nothing postponed.
func (l *line) Settled() int64 { return l.own.was.now }

// Schedule asks for calls of p as the time of the line goes on, or the wall clock's.
func (l *line) Schedule(place int, name string, kind topology.Clock, interval time.Duration, p flow.Punctuator) {
	if kind == topology.WallClock {
		l.Task.Schedule(place, name, kind, interval, p)
		return
	}
	l.schedule(&l.agenda, place, name, kind, interval, p)
}

// Unschedule ends the schedules of that name.
func (l *line) Unschedule(name string) {
	l.unschedule(&l.agenda, name)
	l.Task.Unschedule(name)
}

// SetMark sets the mark of a store that goes by the time of the line.
func (l *line) SetMark(store string, key []byte, until int64) {
	l.setMark(&l.agenda, store, key, until)
}

// Advance makes now the time of the line. The end of a bounded run is not stored: a later run goes
// on from the last record's time.
func (l *line) Advance(now int64, timed []flow.Timed) (done bool, err error) {
	if now != topology.EndOfTime {
		return l.proceed(&l.agenda, now, timed)
	}
	if l.own.ending == running {
		if err := l.punctuateAll(&l.agenda); err != nil {
			return false, err
		}
		l.own.ending = ending
	}
	return l.Resume(timed)
}

// Resume goes on where Advance has stopped.
func (l *line) Resume(timed []flow.Timed) (done bool, err error) {
	switch {
	case l.busy: // this is the flush of conclude
		return true, nil
	case l.own.ending == ending:
		l.busy = true
		defer func() { l.busy = false }()
		return l.conclude(&l.agenda, timed, &l.own.ending)
	case l.undone:
		return l.act(&l.agenda, timed, l.own.at)
	}
	return true, nil
}

// Partition is the number of the task in its sub-topology.
func (t *Task) Partition() int32 { return t.id.Partition }

// Handing notes the record that was held back and is being handed on, and says whether it is to be
// left out.
func (t *Task) Handing(o topology.Origin) (skip bool) {
	t.handing = o
	t.byTime = t.byTime || o.Topic != ""
	return t.left.meets(o)
}
