package suppress

import (
	"fmt"
	"math"

	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// rule says how long updates are held.
type rule interface {
	// time returns the time of the row of an update that is the first of its key, which is what
	// rows come out by. end is the end of its window, if it has one.
	time(end, ts, ref int64) int64
	// joins reports whether an update belongs to the row of its key that has a time.
	joins(at, ref int64) bool
	// leads says that the time of a row does not follow from its key, so that a row by key leads to
	// it.
	leads() bool
	// taken and flushed return up to which time rows come out, -1 for none: after an update, and at
	// the commit.
	taken() int64
	flushed() int64
	// headers says that what comes out has the headers of the last update, deletions that
	// deletions come out. ref is what the Ref of a row is at least, origin where it comes from if
	// a record from o has made it come out.
	headers() bool
	deletions() bool
	ref(at int64) int64
	origin(o operator.Origin) operator.Origin
}

// Rule is for how long updates are held.
type Rule struct {
	// Windows says that updates are held until their windows are closed: For milliseconds behind
	// their ends. Otherwise they are held For milliseconds.
	Windows bool
	For     int64
	// Clock is that of the operator, nil for the rules of this house.
	Clock *operator.Clock
}

func (r Rule) of(task operator.Task) rule {
	switch {
	case r.Clock != nil:
		return &byClock{Rule: r, task: task}
	case r.Windows:
		return &byClose{task: task, wait: r.For}
	}
	return &byRef{task: task, limit: r.For}
}

// until returns up to which time rows come out when time is now, that have to lie behind it by d.
func until(now, d int64) int64 {
	switch {
	case now == record.EndOfTime:
		return math.MaxInt64
	case now < d: // NoTime too
		return -1
	}
	return now - d
}

// byRef is the rule by which a time limit has one result. The first update of a key is held from
// its Ref on, the largest timestamp that its source partition had shown, for as long as the limit
// is. Those of the key whose Ref is earlier than the end of that take its place; the next begins
// anew, whether what was held has come out by then or not. It comes out when the task's time has
// reached the end. No update that comes then has an earlier Ref, so when the commit is does not
// matter, neither to what comes out nor to its order.
type byRef struct {
	task  operator.Task
	limit int64
}

func (b *byRef) time(_, _, ref int64) int64                 { return ref }
func (b *byRef) leads() bool                                { return true }
func (b *byRef) joins(at, ref int64) bool                   { return ref-at < b.limit }
func (b *byRef) taken() int64                               { return -1 }
func (b *byRef) flushed() int64                             { return until(b.task.Time(), b.limit) }
func (b *byRef) headers() bool                              { return true }
func (b *byRef) deletions() bool                            { return true }
func (b *byRef) ref(at int64) int64                         { return at }
func (b *byRef) origin(operator.Origin) (o operator.Origin) { return o }

// byClose is the rule by which windows come out when they are closed by the task's time: as final
// results do.
type byClose struct {
	task operator.Task
	wait int64
}

func (b *byClose) time(end, _, _ int64) int64                 { return end }
func (b *byClose) leads() bool                                { return false }
func (b *byClose) joins(int64, int64) bool                    { return true }
func (b *byClose) taken() int64                               { return -1 }
func (b *byClose) flushed() int64                             { return until(b.task.Time(), b.wait) }
func (b *byClose) headers() bool                              { return false }
func (b *byClose) deletions() bool                            { return false }
func (b *byClose) ref(int64) int64                            { return record.NoTime }
func (b *byClose) origin(operator.Origin) (o operator.Origin) { return o }

// byClock is Kafka Streams' rule, by the largest timestamp of the updates that the operator has
// seen: it is moved by an update that is held already. The end of a bounded run lets everything
// come out, as with the other rules.
type byClock struct {
	Rule
	task operator.Task
}

func (c *byClock) time(end, ts, _ int64) int64 {
	c.Clock.See(ts)
	if c.Windows {
		return end
	}
	return ts
}

func (c *byClock) leads() bool             { return !c.Windows }
func (c *byClock) joins(int64, int64) bool { return true }
func (c *byClock) taken() int64            { return until(c.Clock.Time(), c.For) }

func (c *byClock) flushed() int64 {
	if now := c.task.Time(); now == record.EndOfTime {
		return until(now, c.For)
	}
	return c.taken()
}

func (c *byClock) headers() bool                            { return true }
func (c *byClock) deletions() bool                          { return !c.Windows }
func (c *byClock) ref(int64) int64                          { return record.NoTime }
func (c *byClock) origin(o operator.Origin) operator.Origin { return o }

// Size is how much is held.
type Size struct{ Records, Bytes int64 }

func (s *Size) add(key, row []byte) {
	s.Records++
	s.Bytes += int64(len(key) + len(row))
}

func (s *Size) remove(key, row []byte) {
	s.Records--
	s.Bytes -= int64(len(key) + len(row))
}

// Bound is how much may be held, 0 for any. What is over it comes out early, or is an error.
type Bound struct {
	Max   Size
	Fails bool
}

func (b Bound) set() bool   { return b.Max != Size{} }
func (b Bound) early() bool { return !b.Fails }

func (b Bound) over(s Size) bool {
	return b.Max.Records > 0 && s.Records > b.Max.Records || b.Max.Bytes > 0 && s.Bytes > b.Max.Bytes
}

func (b Bound) error(s Size) error {
	what, most := fmt.Sprintf("%d updates", s.Records), fmt.Sprint(b.Max.Records)
	if b.Max.Records == 0 || s.Records <= b.Max.Records {
		what, most = fmt.Sprintf("%d bytes", s.Bytes), fmt.Sprint(b.Max.Bytes)
	}
	return fmt.Errorf("the buffer of suppress is full: it would hold %s, and %s are the most. Raise the bound, or leave it out: the buffer lies on disk", what, most)
}
