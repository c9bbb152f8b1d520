package task

import (
	"time"

	"github.com/kolkstream/kolk/topology"
)

// line is the task as the operators behind an InOrder see it; see [topology.Line]. Its time is
// stored with the task's: what lies before it was handed on, whatever the delay is when the task is
// opened again.
type line struct {
	*Task
	agenda
	ended bool
}

// lineTime is the time of a line, and what it was at the last commit.
type lineTime struct{ now, was int64 }

// leftOut is a record that user code has panicked on when it was handed on.
type leftOut struct {
	origin topology.Origin
	met    bool // in this transaction
}

// Line returns the task as the operators behind the InOrder of that name see it.
func (t *Task) Line(name string) topology.Line {
	at := t.lines[name]
	if at == nil {
		at = &lineTime{topology.NoTime, topology.NoTime}
		t.lines[name] = at
	}
	l := &line{Task: t, agenda: agenda{time: &at.now}, ended: t.ended}
	l.reschedule()
	return l
}

// Time is the time of the line.
func (l *line) Time() int64 {
	if l.ended {
		return topology.EndOfTime
	}
	return *l.time
}

// Schedule asks for calls of p as the time of the line goes on, or the wall clock's.
func (l *line) Schedule(name string, kind topology.Clock, interval time.Duration, p topology.Punctuator) {
	if kind == topology.WallClock {
		l.Task.Schedule(name, kind, interval, p)
		return
	}
	l.schedule(&l.agenda, name, kind, interval, p)
}

// Advance makes now the time of the line. The end of a bounded run is not stored: a later run goes
// on from the last record's time.
func (l *line) Advance(now int64, timed []topology.Timed) error {
	if now != topology.EndOfTime {
		return l.proceed(&l.agenda, now, timed)
	}
	return l.conclude(&l.agenda, timed, func() { l.ended = true })
}

// Partition is the number of the task in its sub-topology.
func (t *Task) Partition() int32 { return t.id.Partition }

// Handing notes the record that was held back and is being handed on, and says whether it is to be
// left out.
func (t *Task) Handing(o topology.Origin) (skip bool) {
	t.handing = o
	t.byTime = t.byTime || o.Topic != ""
	for i := range t.left {
		if t.left[i].origin == o {
			t.left[i].met = true
			return true
		}
	}
	return false
}
