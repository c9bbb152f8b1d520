package task

import (
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology"
)

// watermark is the time that the inputs allow: the least of those that carry time and are not idle;
// if all are idle, the largest.
func (t *Task) watermark() int64 {
	least, most := topology.EndOfTime, topology.NoTime
	active := false
	for _, in := range t.timed {
		time, idle := in.time()
		if idle {
			most = max(most, time)
			continue
		}
		active = true
		least = min(least, time)
	}
	if active {
		return least
	}
	return most
}

// shown is the least time that an input has shown, ended or not.
func (t *Task) shown() int64 {
	least := topology.EndOfTime
	for _, in := range t.timed {
		if in.repartition {
			least = min(least, in.writers.shown())
		} else {
			least = min(least, in.ref)
		}
	}
	if len(t.timed) == 0 {
		return topology.NoTime
	}
	return least
}

// idle says that all inputs that carry time are idle.
func (t *Task) idle() bool {
	for _, in := range t.timed {
		if _, idle := in.time(); !idle {
			return false
		}
	}
	return len(t.timed) > 0
}

// caughtUp says that all inputs that carry time have been processed as far as is known, and so have
// those who write them.
func (t *Task) caughtUp() bool {
	for _, in := range t.timed {
		if _, idle := in.time(); !idle && (!in.drained() || in.repartition && !in.writers.caughtUp) {
			return false
		}
	}
	return true
}

// retime advances task time as far as the inputs allow.
func (t *Task) retime() error {
	if t.postponed {
		return nil
	}
	t.moved = false
	if now := t.watermark(); now > t.at && now != topology.EndOfTime {
		return t.advance(now)
	}
	return nil
}

// Reach moves the time of the inputs that are no repartition topics to at, as a record of that time
// does which nobody has a use for. It is for tests.
func (t *Task) Reach(at int64) (err error) {
	switch {
	case t.broken != nil:
		return t.broken
	case t.ended || t.postponed || t.end.ending != running:
		return nil
	}
	t.read()
	defer t.rescue(&err)
	for _, in := range t.timed {
		if !in.repartition && at > in.ref {
			in.ref = at
			t.maxRef = max(t.maxRef, at)
			t.dirty = true
		}
	}
	return t.retime()
}

// advance makes now the task time: punctuations that are due come first, in the order of their
// times, then the operators that act by time. Results that a punctuation makes can so still enter
// windows that close at now.
func (t *Task) advance(now int64) error {
	t.touch()
	_, err := t.proceed(&t.agenda, now, t.graph.Timed)
	return t.fail(err)
}

// proceed is advance for the operators that go by the time of a.
func (t *Task) proceed(a *agenda, now int64, timed []flow.Timed) (done bool, err error) {
	for a.streamDue <= now {
		if err := t.punctuateNext(a, now); err != nil {
			return false, err
		}
	}
	*a.time = now
	return t.act(a, timed, now)
}

// finish ends the task when all inputs of a bounded run have: punctuators are called, all windows
// close, and if there were any operators that act by time, punctuators are called once more, for
// what the windows sent them. From then on Time is EndOfTime.
//
// EndOfTime is not what the task's next run begins with. That begins with the least time that an
// input has shown: how far time got while some inputs had ended before others depends on the
// schedule. What stays is that the windows which had begun by the largest ref are closed, for those
// are the windows that can have had records.
func (t *Task) finish() error {
	if !t.bounded() || t.ended || t.postponed || t.end.ending != running {
		return nil
	}
	for _, in := range t.inputs {
		if !in.ended() || in.ready || !in.repartition && !in.queue.empty() {
			return nil
		}
	}
	t.touch()
	if shown := t.shown(); shown > t.at {
		if err := t.advance(shown); err != nil || t.postponed {
			return err
		}
	}
	if err := t.punctuateAll(&t.agenda); err != nil {
		return t.fail(err)
	}
	t.end.ending, t.end.run = ending, t.run
	_, err := t.conclude(&t.agenda, t.graph.Timed, &t.end.ending)
	return t.fail(err)
}

// watch updates which external inputs are idle.
func (t *Task) watch() {
	for _, in := range t.timed {
		if in.repartition || t.bounded() || t.idleAfter <= 0 {
			continue
		}
		switch {
		case !in.drained():
			in.quiet = t.now
			t.wake(in)
		case t.now < in.quiet: // the clock was put back
			in.quiet = t.now
		case !in.idle && t.now-in.quiet >= t.idleAfter:
			in.idle = true
			t.moved = true
		}
	}
}

// wake makes an input count again.
func (t *Task) wake(in *input) {
	if in.idle {
		in.idle = false
		t.moved = true
	}
}
