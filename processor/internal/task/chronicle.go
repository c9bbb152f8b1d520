package task

import (
	"github.com/kolkstream/kolk/topology"
)

// chronicle is what a task has to know of time from one transaction to the next: how far it is, the
// lines behind an InOrder, the clocks of operators, how far stores were handed on, when schedules
// are due. Each is there as of now and as of the last commit; the time store keeps it.
type chronicle struct {
	moment
	was moment
	at  int64 // the task's time, as operators see it

	lines   map[string]*lineTime
	clocks  map[string]*clockTime
	marks   map[string]*mark // by store
	dues    dues
	writers []newWriters // numbers that are not stored yet

	store timeStore
}

// moment is what the task knows of its own time.
type moment struct {
	times
	end   runEnd
	ended bool  // in this bounded run
	said  flags // of the task, at the last flush
}

// clockTime is the time of an operator that has a clock of its own.
type clockTime struct {
	now, was int64 // the largest timestamp that it has seen, and that as of the last commit
}

// newWriters is how many tasks of a sub-topology write an input.
type newWriters struct {
	topic, sub string
	tasks      int32
}

func newChronicle() chronicle {
	m := moment{times: noTimes, end: noEnd}
	return chronicle{
		moment: m, was: m, at: m.time, lines: map[string]*lineTime{}, clocks: map[string]*clockTime{}, marks: map[string]*mark{},
		dues: dues{now: map[scheduleKey]due{}, was: map[scheduleKey]due{}},
	}
}

// begin makes what was read that of the last commit, and the time of the operators.
func (c *chronicle) begin() { c.was, c.at = c.moment, c.time }

// line returns the time of the line of that name.
func (c *chronicle) line(name string) *lineTime {
	l := c.lines[name]
	if l == nil {
		l = &lineTime{lineMoment: lineMoment{now: topology.NoTime}, at: topology.NoTime}
		l.was = l.lineMoment
		c.lines[name] = l
	}
	return l
}

// clock returns the clock of that name.
func (c *chronicle) clock(name string) *clockTime {
	at := c.clocks[name]
	if at == nil {
		at = &clockTime{now: topology.NoTime, was: topology.NoTime}
		c.clocks[name] = at
	}
	return at
}

// setMark notes how far a store was handed on, which goes by the time of a.
func (c *chronicle) setMark(a *agenda, store string, key []byte, until int64) {
	m := c.marks[store]
	if m == nil {
		m = &mark{}
		c.marks[store] = m
	}
	m.key, m.until, m.of = append(m.key[:0], key...), until, a
}

// marked returns the largest start of a window that lies before the mark that is committed for a
// store, NoTime for none.
func (c *chronicle) marked(store string) int64 {
	if m := c.marks[store]; m != nil && m.was != nil {
		start, _ := windowStart(m.was)
		return start - 1
	}
	return topology.NoTime
}

// settle makes the times that operators see those that are stored. It is called when nothing is
// postponed.
func (c *chronicle) settle() {
	c.time = c.at
	for _, l := range c.lines {
		l.now = l.at
	}
	for _, m := range c.marks {
		if m.of != nil && m.until <= *m.of.time && !m.beyond(c.maxRef) {
			m.key = nil
		}
	}
}

// settleEnd ends a bounded run, of which nothing is left: what was shown is the time that the next
// one begins with. The run is the task's, or one before it.
//
// How far lines got depends on the schedule like the task's time. They go back to what the run has
// closed, or to the last record that was handed on if that is later: its mark stays.
func (c *chronicle) settleEnd(run uint64, shown int64) {
	c.closed = max(c.closed, c.maxRef, c.end.closes)
	c.ended = c.end.run == run
	c.end = noEnd
	c.time, c.at = shown, shown
	for _, m := range c.marks {
		if !m.beyond(c.closed) {
			m.key = nil
		}
	}
	for store, l := range c.lines {
		back := c.closed
		if m := c.marks[store]; m != nil && m.key != nil {
			back = max(back, m.last())
		}
		l.at = min(l.at, back)
		l.now, l.ending = l.at, running
	}
}

// commit makes the present what an abort goes back to.
func (c *chronicle) commit() {
	c.was = c.moment
	for _, l := range c.lines {
		l.was = l.lineMoment
	}
	for _, at := range c.clocks {
		at.was = at.now
	}
	for _, m := range c.marks {
		m.was = clone(m.key)
	}
	c.dues.commit()
	c.writers = nil
}

// abort goes back to the last commit. Numbers of writers stay: they are what is, whatever was
// committed.
func (c *chronicle) abort() {
	c.moment = c.was
	c.at = c.time
	for _, l := range c.lines {
		l.lineMoment, l.at = l.was, l.was.now
	}
	for _, at := range c.clocks {
		at.now = at.was
	}
	for _, m := range c.marks {
		m.key = clone(m.was)
	}
	c.dues.abort()
}

// dues are when schedules are to be called next.
type dues struct {
	now, was map[scheduleKey]due
	changed  []scheduleKey // where they differ
}

// due is when a schedule is to be called next, as it is stored.
type due struct {
	at, interval int64
}

// load notes what was stored.
func (d *dues) load(k scheduleKey, at due) { d.now[k], d.was[k] = at, at }

// set notes when a schedule is due.
func (d *dues) set(k scheduleKey, at due) {
	if d.now[k] != at {
		d.now[k] = at
		d.changed = append(d.changed, k)
	}
}

func (d *dues) commit() {
	for _, k := range d.changed {
		d.was[k] = d.now[k]
	}
	d.changed = d.changed[:0]
}

func (d *dues) abort() {
	for _, k := range d.changed {
		if at, ok := d.was[k]; ok {
			d.now[k] = at
		} else {
			delete(d.now, k)
		}
	}
	d.changed = d.changed[:0]
}
