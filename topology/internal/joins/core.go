package joins

import (
	"hash/maphash"

	"github.com/kolkstream/kolk/internal/place"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// Options say what a join is.
type Options struct {
	Bounds Bounds
	// Left and Right are the stores of the sides, Waiting that of records that wait for a match; ""
	// where none makes output without one.
	Left, Right, Waiting string
	// LeftAlone and RightAlone say of which side records that find nothing make output.
	LeftAlone, RightAlone bool
	// Held says that what comes may have been held back by another operator until the commit.
	Held bool
	// NeedKey says that the decoded key of results is used.
	NeedKey bool
	// Branches are not nil if an InOrder further on wants to know where results stand.
	Branches *place.Branches
	// Clocks are those of Kafka Streams' rule; nil for that of this house.
	Clocks *Clocks
}

// core is what both inputs have together.
type core struct {
	operator.Node
	Options
	sides   [2]side
	waiting waiting
	rule    rule
	lone    lone
	missed  *int64 // records that found nothing and made output
}

// side is what the core has of one side.
type side struct {
	buffer
	alone bool
	// send makes the output of a record that has found nothing.
	send func(a *lone) error
}

// lone is a record that has found nothing.
type lone struct {
	key, value []byte
	ts         int64
	number     uint32
	from       *operator.Origin  // what made it come out; nil: time
	headers    []operator.Header // of that
}

// open finds the stores, and what is in them.
func (c *core) open() error {
	seed := maphash.MakeSeed()
	for s, name := range [2]string{Left: c.Left, Right: c.Right} {
		b := &c.sides[s].buffer
		if err := b.open(name, c.Task.Store(name), c.Bounds.Width(), seed, c.Task.CacheBudget); err != nil {
			return err
		}
		seed = b.seed // both have one
	}
	c.sides[Left].alone, c.sides[Right].alone = c.LeftAlone, c.RightAlone
	if c.Waiting != "" {
		c.waiting.name, c.waiting.store = c.Waiting, c.Task.Store(c.Waiting)
	}
	return c.rule.open(c)
}

// arrival is a record that is being joined.
type arrival struct {
	side    Side
	ts, ref int64
	closes  int64
	key     []byte
	value   []byte
	number  uint32
	found   bool // something
}

// join stores a record, and calls each for every record of the other side that it meets. alone says
// that it has found nothing and is not to wait.
func (c *core) join(a *arrival, each func(*match) error) (alone bool, err error) {
	mine, other := &c.sides[a.side], &c.sides[a.side.other()]
	hash := mine.hash(a.key)
	number, row, err := mine.add(hash, a.key, a.ts, a.ref, a.value)
	if err != nil {
		return false, err
	}
	a.number, a.found = number, false
	c.rule.stored(a)
	lo, hi := c.Bounds.reach(a.side, a.ts)
	if err := other.each(hash, a.key, max(lo, c.rule.earliest(a.side.other()), 0), hi, each); err != nil {
		return false, err
	}
	switch {
	case a.found || !mine.alone:
		return false, nil
	case !c.rule.waits(a):
		return true, nil
	}
	c.waiting.put(a.closes, a.side, a.key, a.ts, number)
	if row != nil {
		row.waits = yes
	}
	return false, nil
}

// meets reports whether a match counts, and lets it wait no longer.
func (c *core) meets(a *arrival, m *match) (bool, error) {
	s := a.side.other()
	closes := c.Bounds.closes(s, m.ts)
	if !c.rule.pairs(a, m, closes) {
		return false, nil
	}
	a.found = true
	if !c.sides[s].alone {
		return true, nil
	}
	waits := ask
	if m.row != nil {
		waits, m.row.waits = m.row.waits, no
	}
	switch waits {
	case no:
		return true, nil
	case ask:
		if there, err := c.waiting.has(closes, s, a.key, m.ts, m.number); err != nil || !there {
			return true, err
		}
	}
	c.waiting.remove(closes, s, a.key, m.ts, m.number)
	return true, nil
}

// drop counts a record that is not joined.
func (c *core) drop(reason record.Reason, o operator.Origin) error {
	c.Drop(reason, o)
	return nil
}

// Advance implements Timed. Records that have waited long enough come out at the flush, when what
// is held back until then has come.
func (c *core) Advance(int64) (done bool, err error) { return true, nil }

// Flush implements Flusher.
func (c *core) Flush() (did bool, err error) { return c.rule.flush(c) }
