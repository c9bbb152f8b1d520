package task

import (
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology"
)

// What is due may be much: a window with millions of keys, what an InOrder has held back for a day.
// It goes out in portions, one a transaction (adr/0029-portions.md).
//
// The time of operators goes on as always. What is stored, announced and purged by is the time of
// the last commit that left nothing postponed, so that nobody downstream sees time ahead of
// records. A task that is opened again begins with that time and comes to the rest as time goes on;
// marks say what of it was handed on. While something is postponed the task takes no input.

// stage says how far the end of a bounded run has come.
type stage uint8

const (
	running stage = iota
	ending        // punctuators were called, what is held back goes out
	over          // everything was called, and the next flush may make it the end
)

// runEnd is the end of a bounded run that is on its way.
type runEnd struct {
	ending stage
	run    uint64
	closes int64 // windows that begin by it may have got something from punctuators
}

var noEnd = runEnd{closes: topology.NoTime}

// mark is how far a store was handed on beyond the stored time.
type mark struct {
	key, was []byte
	until    int64
	of       *agenda // whose time until is
}

// last returns the time of the last row that was handed on: the start of a window, or the time of a
// record. A key that is only a time is the first of that time: what was handed on lies before it.
func (m *mark) last() int64 {
	start, _ := windowStart(m.key)
	if len(m.key) == 8 {
		start--
	}
	return start
}

// beyond reports whether a row later than at was handed on. Everything earlier than at was; of the
// later ones only the mark knows.
func (m *mark) beyond(at int64) bool { return m.key != nil && m.last() > at }

// Full reports whether the transaction is to be committed before more that is due goes out.
//
// What is made of a record lies in caches for a while: until the commit its own size stands for it.
func (t *Task) Full(size int) bool {
	t.handed += int64(size)
	return t.opts.Full != nil && t.opts.Full()
}

// Postpone says that something that is due has to wait for the next transaction.
func (t *Task) Postpone() { t.postponed = true }

// Postponed says that something that is due goes out with the next transaction, and nothing else
// happens before.
func (t *Task) Postponed() bool { return t.postponed }

// Mark returns the mark of a store; see [flow.Task].
func (t *Task) Mark(store string) []byte {
	if m := t.marks[store]; m != nil {
		return m.key
	}
	return nil
}

// SetMark sets the mark of a store that goes by the task's time.
func (t *Task) SetMark(store string, key []byte, until int64) {
	t.setMark(&t.agenda, store, key, until)
}

// resume goes on with what the last transaction has left.
func (t *Task) resume() error {
	if !t.postponed {
		return nil
	}
	t.postponed = false
	var err error
	switch {
	case t.end.ending == ending:
		_, err = t.conclude(&t.agenda, t.graph.Timed, &t.end.ending)
	case t.agenda.undone:
		_, err = t.act(&t.agenda, t.graph.Timed, t.at)
	}
	return t.fail(err)
}

// settle makes the times of the operators those that are stored, unless something is postponed.
func (t *Task) settle() {
	if t.postponed {
		for _, a := range t.agendas {
			t.keepDues(a)
		}
		return
	}
	if t.end.ending == over {
		t.settleEnd(t.run, t.shown())
		t.again = !t.ended // a task that was opened again for another run goes on in that one
		return
	}
	t.chronicle.settle()
}

// keepDues stores when schedules are due for the first time: the time it was reckoned from is not
// stored.
func (t *Task) keepDues(a *agenda) {
	for _, s := range a.schedules {
		if s.key.clock == topology.StreamTime && s.due != topology.NoTime {
			t.setDue(s)
		}
	}
}

// setDue notes when a schedule is due.
func (t *Task) setDue(s *schedule) { t.dues.set(s.key, due{at: s.due, interval: s.interval}) }

// act calls the operators that act by the time of a, until one has something left to do.
func (t *Task) act(a *agenda, timed []flow.Timed, now int64) (done bool, err error) {
	a.undone = false
	for _, op := range timed {
		err := t.timeMade(func(now int64) (err error) {
			done, err = op.Advance(now)
			return err
		}, now)
		if err != nil {
			return false, err
		}
		if !done {
			a.undone, t.postponed = true, true
			return false, nil
		}
	}
	return true, nil
}

// conclude ends a bounded run for what goes by the time of a, after punctuators were called:
// windows close, and if there were any operators that act by time, punctuators are called once
// more.
func (t *Task) conclude(a *agenda, timed []flow.Timed, at *stage) (done bool, err error) {
	if done, err := t.act(a, timed, topology.EndOfTime); !done || err != nil {
		return false, err
	}
	if len(timed) != 0 && len(a.schedules) != 0 {
		if err := t.flushOperators(); err != nil {
			return false, err
		}
		if t.postponed {
			return false, nil
		}
		if err := t.punctuateAll(a); err != nil {
			return false, err
		}
	}
	*at = over
	return true, nil
}
