package joins

import (
	"bytes"

	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// rule decides which pairs count, and when a record has waited long enough.
type rule interface {
	open(c *core) error
	// moment is called with the time of every record of a side, with or without key and value.
	moment(ts int64)
	// admits is called for a record with key and value before it is stored. It returns why it is
	// not to be joined.
	admits(a *arrival, o operator.Origin, headers []operator.Header) (record.Reason, error)
	// stored is called when the record has been stored.
	stored(a *arrival)
	// earliest is the time of the earliest record of a side that can be found.
	earliest(s Side) int64
	// pairs reports whether a pair counts that is within the bounds; closes is what the match is
	// closed behind.
	pairs(a *arrival, m *match, closes int64) bool
	// waits reports whether a record that has found nothing is to wait.
	waits(a *arrival) bool
	// headers says that results have the headers of the record that made them come out.
	headers() bool
	flush(c *core) (did bool, err error)
}

// byRef is the rule of this house. A record is closed behind its time, what later records of the
// other side may be later by, and the grace. It is late if its Ref is later than that. A pair
// counts if neither Ref is later than what either record is closed behind; a record that is in no
// pair comes out when the task's time is later than what it is closed behind.
//
// So all of it is a function of the input: when task time is later than what a record is closed
// behind, so is the Ref of whatever comes, and which of the two comes first does not matter.
type byRef struct {
	c *core
	// now is the time as of the last flush: what is closed behind earlier times has come out.
	now    int64
	undone bool // not all of that
	// passed: records that are not later are closed. The end of an earlier bounded run has closed
	// them.
	passed int64
	mark   []byte // what waits before it has come out, though task time may not be there
	at     int64  // the time for the record that is being joined
	buf    []byte
}

const endOfTime = record.EndOfTime

func (*byRef) moment(int64)    {}
func (*byRef) stored(*arrival) {}
func (*byRef) headers() bool   { return false }

func (r *byRef) waits(*arrival) bool { return true }

func (r *byRef) earliest(Side) int64 { return r.passed + 1 }

// open deletes what has come out.
func (r *byRef) open(c *core) error {
	r.c, r.now, r.passed = c, c.Task.Time(), c.Task.ClosedThrough()
	if mark := c.Task.Mark(c.Left); mark != nil {
		r.pass(max(r.passed, timeOf(mark)-1))
	}
	if c.waiting.store != nil {
		if mark := c.Task.Mark(c.Waiting); mark != nil {
			r.setMark(mark)
			c.waiting.store.DeleteRange(appendTime(nil, 0), r.mark)
		}
		if r.now > 0 {
			c.waiting.store.DeleteRange(appendTime(nil, 0), bound(r.now))
		}
	}
	r.expire(c)
	return nil
}

// pass notes that records up to ts are closed.
func (r *byRef) pass(ts int64) {
	if r.passed = max(r.passed, ts); ts != noTime {
		b := &r.c.Bounds
		r.c.Task.SetMark(r.c.Left, appendTime(nil, ts+1), max(b.closes(Left, ts), b.closes(Right, ts))+1)
	}
}

// setMark notes that what waits before mark has come out.
func (r *byRef) setMark(mark []byte) {
	r.mark = append(r.mark[:0], mark...)
	r.c.Task.SetMark(r.c.Waiting, r.mark, timeOf(mark)+1)
}

// admits implements rule.
func (r *byRef) admits(a *arrival, _ operator.Origin, _ []operator.Header) (record.Reason, error) {
	if r.at = r.now; !r.c.Held {
		r.at = r.c.Task.Time()
	}
	switch {
	case a.ref > a.closes:
		return record.LateRecord, nil
	case a.closes < r.at || a.ts <= r.passed || r.out(a.closes, a.side, a.key, a.ts, 0):
		return record.WindowClosed, nil
	}
	return "", nil
}

// out reports whether a record lies before the mark.
func (r *byRef) out(closes int64, s Side, key []byte, ts int64, number uint32) bool {
	if r.mark == nil || closes > timeOf(r.mark) {
		return false
	}
	r.buf = appendWaiting(r.buf[:0], closes, s, key, ts, number)
	return bytes.Compare(r.buf, r.mark) < 0
}

// pairs implements rule. What has come out meets nobody: an idle input had let time pass.
func (r *byRef) pairs(a *arrival, m *match, closes int64) bool {
	return max(a.ref, m.ref) <= min(a.closes, closes) && closes >= r.at &&
		!r.out(closes, a.side.other(), a.key, m.ts, m.number)
}

// flush sends what has waited long enough, until the task is full, and deletes what is closed.
func (r *byRef) flush(c *core) (did bool, err error) {
	now := c.Task.Time()
	if c.Task.Postponed() || now <= r.now && !r.undone {
		return false, nil
	}
	r.now, r.undone = now, false
	did, done, err := r.send(c, now)
	switch {
	case err != nil:
		return true, err
	case !done:
		r.undone = true
		c.Task.Postpone()
		return true, nil
	case now == endOfTime:
		return true, r.end(c)
	}
	r.expire(c)
	return did, nil
}

// send sends what is closed behind earlier times than now, until the task is full.
func (r *byRef) send(c *core, now int64) (did, done bool, err error) {
	w := &c.waiting
	if !w.due(now) {
		return false, true, nil
	}
	full := false
	for !full {
		b, _, ok, err := w.Next()
		if err != nil {
			return true, false, err
		}
		if !ok {
			break
		}
		s, key, ts, number, err := w.row(w.found[:0], b)
		w.found = key
		if err != nil {
			return true, false, err
		}
		size := len(b)
		if ts > r.passed {
			value, err := c.sides[s].get(key, ts, number)
			if err == nil {
				c.lone = lone{key: key, value: value, ts: ts, number: number}
				err = c.sides[s].send(&c.lone)
			}
			if err != nil {
				return true, false, err
			}
			size += len(value)
		}
		did, w.at = true, append(append(w.at[:0], b...), 0)
		full = c.Task.Full(size)
	}
	w.least = now
	switch {
	case !did:
		return false, true, nil
	case full:
		w.least = timeOf(w.at)
	case now == endOfTime:
		w.store.DeleteRange(w.lo, nil)
		return true, true, nil
	default:
		w.at = appendTime(w.at[:0], now)
	}
	// The mark is as far as the deletion: that takes with it what was said in this transaction of
	// records that have ceased to wait.
	w.store.DeleteRange(w.lo, w.at)
	r.setMark(w.at)
	return true, !full, nil
}

// end ends a bounded run: everything has come out, and what the run had is closed.
func (r *byRef) end(c *core) error {
	latest := noTime
	for i := range c.sides {
		b := &c.sides[i].buffer
		at, err := b.latest()
		if err != nil {
			return err
		}
		latest = max(latest, at)
		b.clear()
	}
	if r.mark != nil { // it says nothing of what comes in later runs
		r.setMark(appendTime(nil, 0))
	}
	r.pass(latest)
	return nil
}

// expire deletes what is closed.
func (r *byRef) expire(c *core) {
	switch {
	case r.now == endOfTime:
		c.sides[Left].clear()
		c.sides[Right].clear()
	case r.now > 0:
		for s := range c.sides {
			c.sides[s].expire(r.now - c.Bounds.closes(Side(s), 0))
		}
	}
}
