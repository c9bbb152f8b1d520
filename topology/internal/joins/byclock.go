package joins

import (
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// Clocks are the times of a join that goes by Kafka Streams' rule: the largest timestamps that it
// has seen, and has stored of each side, and the time up to which records have come out.
type Clocks struct {
	Seen, Left, Right, Sent *operator.Clock
}

// byClock is the rule of Kafka Streams. No record is late: it meets whatever the buffer of the
// other side still has. A record that finds nothing comes out at once if what it could meet lies
// behind the time of the join, and else with the first record later than what it is closed behind.
type byClock struct {
	c          *core
	seen, sent *operator.Clock
	side       [2]*operator.Clock
	retention  int64 // how long a row of a buffer can be found
	cursors    [2]operator.Cursor
	heads      [2]head
	hi         []byte
}

// head is the next row of a side that is due.
type head struct {
	key    []byte
	ts     int64
	number uint32
	ok     bool
}

func newByClock(c Clocks) *byClock {
	return &byClock{seen: c.Seen, sent: c.Sent, side: [2]*operator.Clock{Left: c.Left, Right: c.Right}}
}

// open deletes what has come out.
func (k *byClock) open(c *core) error {
	b := &c.Bounds
	k.c, k.retention = c, b.Before+b.After+b.Grace
	if at := k.sent.Time(); c.waiting.store != nil && at > 0 {
		c.waiting.store.DeleteRange(appendTime(nil, 0), appendTime(nil, at))
	}
	k.expire()
	return nil
}

func (k *byClock) moment(ts int64)   { k.seen.See(ts) }
func (k *byClock) stored(a *arrival) { k.side[a.side].See(a.ts) }
func (k *byClock) headers() bool     { return true }
func (k *byClock) waits(a *arrival) bool {
	return a.ts+k.c.Bounds.ahead(a.side) >= k.seen.Time()
}

func (k *byClock) pairs(*arrival, *match, int64) bool { return true }

func (k *byClock) earliest(s Side) int64 {
	if at := k.side[s].Time(); at != noTime {
		return at - k.retention + 1
	}
	return noTime
}

// admits takes every record. One that is as late as any sends what is due.
func (k *byClock) admits(a *arrival, o operator.Origin, headers []operator.Header) (record.Reason, error) {
	if a.ts != k.seen.Time() {
		return "", nil
	}
	err := k.send(a.ts, o, headers)
	k.sent.See(a.ts)
	return "", err
}

// send sends what is closed behind an earlier time than now, in the order of time, side and key.
func (k *byClock) send(now int64, o operator.Origin, headers []operator.Header) error {
	c := k.c
	w := &c.waiting
	if !w.due(now) {
		return nil
	}
	for s := range k.cursors {
		k.hi = appendTime(k.hi[:0], now)
		k.cursors[s].Start(w.store, w.name, w.lo, k.hi)
		if err := k.next(Side(s)); err != nil {
			return err
		}
	}
	did := false
	for k.heads[Left].ok || k.heads[Right].ok {
		s := Right
		if h := &k.heads; !h[Right].ok || h[Left].ok && h[Left].ts < h[Right].ts {
			s = Left
		}
		h := &k.heads[s]
		value, err := c.sides[s].get(h.key, h.ts, h.number)
		if err != nil {
			return err
		}
		c.lone = lone{key: h.key, value: value, ts: h.ts, number: h.number, from: &o, headers: headers}
		if err := c.sides[s].send(&c.lone); err != nil {
			return err
		}
		did = true
		if err := k.next(s); err != nil {
			return err
		}
	}
	if did {
		w.store.DeleteRange(w.lo, k.hi)
		c.Task.SetMark(w.name, k.hi, endOfTime)
	}
	w.least = now
	return nil
}

// next goes to the next row of a side.
func (k *byClock) next(side Side) error {
	h := &k.heads[side]
	for {
		b, _, ok, err := k.cursors[side].Next()
		if h.ok = ok; !ok || err != nil {
			return err
		}
		s, key, ts, number, err := k.c.waiting.row(h.key[:0], b)
		h.key = key
		if err != nil {
			return err
		}
		if s == side {
			h.ts, h.number = ts, number
			return nil
		}
	}
}

func (k *byClock) flush(*core) (did bool, err error) {
	k.expire()
	return false, nil
}

// expire deletes what can be found no more and does not wait.
func (k *byClock) expire() {
	for s := range k.c.sides {
		before := k.earliest(Side(s))
		if k.c.waiting.store != nil {
			before = min(before, max(k.sent.Time(), 0)-k.c.Bounds.closes(Side(s), 0))
		}
		// What is in the changelog before the mark is not needed any more.
		if b := &k.c.sides[s].buffer; before > 0 && b.expire(before) {
			k.c.Task.SetMark(b.name, appendTime(nil, before), endOfTime)
		}
	}
}
