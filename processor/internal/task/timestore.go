package task

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology"
)

// The time store of a task. docs/format/time-store.md describes it byte by byte.
const (
	timeKey     = 1 // the times of the task
	heardKey    = 2 // what a writer of a repartition input has announced
	dueKey      = 3 // when a schedule is due
	writersKey  = 4 // how many tasks of a sub-topology write a repartition input
	lineKey     = 5 // the time behind an InOrder
	markKey     = 6 // how far a store was handed on
	endKey      = 7 // how far the end of a bounded run has come, of the task or behind an InOrder
	clockKey    = 8 // the largest timestamp that an operator has seen
	timeVersion = 1
)

// timeStore reads and writes what a task has to know of time: task time, announcements, schedules.
// It is a logged store like any other, written at the commit and only where something has changed.
type timeStore struct {
	store      *state.Store // nil: the sub-topology has none
	key, value []byte
}

// times are what is stored under timeKey.
type times struct {
	time   int64 // task time
	maxRef int64 // the largest ref of all records processed
	// closed: bounded runs have closed all windows that had begun by it.
	closed int64
}

var noTimes = times{topology.NoTime, topology.NoTime, topology.NoTime}

// topicKey begins a key that names a topic and something after it.
func (s *timeStore) topicKey(kind byte, topic string) {
	s.key = append(s.key[:0], kind)
	s.key = binary.AppendUvarint(s.key, uint64(len(topic)))
	s.key = append(s.key, topic...)
}

func (s *timeStore) putTimes(v times) {
	s.key = append(s.key[:0], timeKey)
	s.value = append(s.value[:0], timeVersion)
	s.value = binary.AppendVarint(s.value, v.time)
	s.value = binary.AppendVarint(s.value, v.maxRef)
	s.value = binary.AppendVarint(s.value, v.closed)
	s.store.Put(s.key, s.value)
}

func (s *timeStore) putHeard(topic, sub string, partition int32, h heard) {
	s.topicKey(heardKey, topic)
	s.key = binary.AppendUvarint(s.key, uint64(partition))
	s.key = append(s.key, sub...)
	s.value = append(s.value[:0], timeVersion, byte(h.flags))
	s.value = binary.AppendUvarint(s.value, h.run)
	s.value = binary.AppendVarint(s.value, h.time)
	s.store.Put(s.key, s.value)
}

func (s *timeStore) putDue(k scheduleKey, d due) {
	s.key = append(s.key[:0], dueKey, byte(k.clock))
	s.key = append(s.key, k.name...)
	s.value = append(s.value[:0], timeVersion)
	s.value = binary.AppendVarint(s.value, d.at)
	s.value = binary.AppendVarint(s.value, d.interval)
	s.store.Put(s.key, s.value)
}

func (s *timeStore) putWriters(topic, sub string, tasks int32) {
	s.topicKey(writersKey, topic)
	s.key = append(s.key, sub...)
	s.value = append(s.value[:0], timeVersion)
	s.value = binary.AppendUvarint(s.value, uint64(tasks))
	s.store.Put(s.key, s.value)
}

func (s *timeStore) putLine(name string, time int64) {
	s.key = append(append(s.key[:0], lineKey), name...)
	s.value = binary.AppendVarint(append(s.value[:0], timeVersion), time)
	s.store.Put(s.key, s.value)
}

func (s *timeStore) putClock(name string, time int64) {
	s.key = append(append(s.key[:0], clockKey), name...)
	s.value = binary.AppendVarint(append(s.value[:0], timeVersion), time)
	s.store.Put(s.key, s.value)
}

func (s *timeStore) putMark(store string, mark []byte) {
	s.key = append(append(s.key[:0], markKey), store...)
	if mark == nil {
		s.store.Delete(s.key)
		return
	}
	s.value = append(append(s.value[:0], timeVersion), mark...)
	s.store.Put(s.key, s.value)
}

// putEnd puts the end of a line, or with an empty name the task's.
func (s *timeStore) putEnd(line string, e runEnd) {
	s.key = append(append(s.key[:0], endKey), line...)
	if e.ending == running {
		s.store.Delete(s.key)
		return
	}
	s.value = append(s.value[:0], timeVersion, byte(e.ending))
	s.value = binary.AppendUvarint(s.value, e.run)
	s.value = binary.AppendVarint(s.value, e.closes)
	s.store.Put(s.key, s.value)
}

// load reads the time store of a new task. Its inputs and their writers are there, with nothing
// heard.
func (c *chronicle) load(id ID, inputs []*input) error {
	s := &c.store
	if s.store == nil {
		return nil
	}
	if err := c.loadWriters(id, inputs); err != nil {
		return err
	}
	err := s.store.Scan(nil, nil, func(k, v []byte) (bool, error) {
		if len(v) == 0 || v[0] != timeVersion {
			return false, fmt.Errorf("%w of task %s: entry %x has another version", report.ErrState, id, k)
		}
		r := reader{b: v[1:]}
		switch k[0] {
		case timeKey:
			c.times = times{r.varint(), r.varint(), r.varint()}
		case heardKey:
			kr := reader{b: k[1:]}
			topic, partition := kr.text(), kr.uvarint()
			var h heard
			h.flags, h.run, h.time = flags(r.byte()), r.uvarint(), r.varint()
			r.failed = r.failed || kr.failed
			for _, in := range inputs {
				if in.writers == nil || in.name != topic {
					continue
				}
				if i, _, ok := in.writers.find(kr.b, int32(partition)); ok && i >= 0 {
					h.doubt = in.doubted >= 0
					in.writers.now[i], in.writers.was[i] = h, h
				}
			}
		case lineKey:
			l := c.line(string(k[1:]))
			l.now = r.varint()
			l.was, l.at = l.lineMoment, l.now
		case clockKey:
			at := r.varint()
			*c.clock(string(k[1:])) = clockTime{now: at, was: at}
		case markKey:
			c.marks[string(k[1:])] = &mark{key: clone(v[1:]), was: clone(v[1:])}
			r.failed = len(v) < 9
		case endKey:
			e := runEnd{ending: stage(r.byte()), run: r.uvarint(), closes: r.varint()}
			r.failed = r.failed || e.ending != ending && e.ending != over
			if len(k) == 1 {
				c.end = e
				break
			}
			l := c.line(string(k[1:]))
			l.ending, l.was.ending = e.ending, e.ending
		case dueKey:
			if len(k) < 2 {
				r.failed = true
				break
			}
			c.dues.load(scheduleKey{topology.Clock(k[1]), string(k[2:])}, due{r.varint(), r.varint()})
		case writersKey: // see loadWriters
		default:
			r.failed = true
		}
		if r.failed {
			return false, fmt.Errorf("%w of task %s: entry %x", report.ErrState, id, k)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, in := range inputs {
		if in.writers != nil {
			in.writers.summarize()
		}
	}
	return nil
}

// loadWriters compares the numbers of writers that were stored with those that are.
func (c *chronicle) loadWriters(id ID, inputs []*input) error {
	known := map[string]map[string]int32{} // by topic and sub-topology
	if err := c.store.store.Scan([]byte{writersKey}, []byte{writersKey + 1}, func(k, v []byte) (bool, error) {
		r, kr := reader{b: v}, reader{b: k[1:]}
		version, topic, n := r.byte(), kr.text(), r.uvarint()
		if version != timeVersion || r.failed || kr.failed || n > mostWriters {
			return false, fmt.Errorf("%w of task %s: entry %x", report.ErrState, id, k)
		}
		if known[topic] == nil {
			known[topic] = map[string]int32{}
		}
		known[topic][string(kr.b)] = int32(n)
		return true, nil
	}); err != nil {
		return err
	}
	for _, in := range inputs {
		if in.writers == nil {
			continue
		}
		for k := range in.writers.subs {
			w := &in.writers.subs[k]
			n, ok := known[in.name][w.name]
			switch {
			case !ok, int(n) < w.size, int(n) > w.size && w.found && in.writers.run != 0:
				c.writers = append(c.writers, newWriters{in.name, w.name, int32(w.size)})
			case int(n) > w.size && w.found: // until it is certain that they are gone
				in.writers.grow(k, int(n))
			case int(n) > w.size:
				return fmt.Errorf("%w: task %s: repartition topic %s was written by %d tasks of sub-topology %q and is now by %d",
					report.ErrWriters, id, in.topic, n, w.name, w.size)
			}
		}
	}
	return nil
}

// save writes what has changed since the last commit.
func (c *chronicle) save(inputs []*input) {
	s := &c.store
	if s.store == nil {
		return
	}
	if c.times != c.was.times {
		s.putTimes(c.times)
	}
	for _, in := range inputs {
		if w := in.writers; w != nil {
			for _, i := range w.changed {
				sub, partition := w.name(i)
				s.putHeard(in.name, sub, partition, w.now[i])
			}
		}
	}
	for _, k := range c.dues.changed {
		s.putDue(k, c.dues.now[k])
	}
	for _, name := range slices.Sorted(maps.Keys(c.lines)) {
		l := c.lines[name]
		if l.now != l.was.now {
			s.putLine(name, l.now)
		}
		if l.ending != l.was.ending {
			s.putEnd(name, runEnd{ending: l.ending, closes: topology.NoTime})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.clocks)) {
		if at := c.clocks[name]; at.now != at.was {
			s.putClock(name, at.now)
		}
	}
	if c.end != c.was.end {
		s.putEnd("", c.end)
	}
	for _, name := range slices.Sorted(maps.Keys(c.marks)) {
		if m := c.marks[name]; !bytes.Equal(m.key, m.was) {
			s.putMark(name, m.key)
		}
	}
	for _, w := range c.writers {
		s.putWriters(w.topic, w.sub, w.tasks)
	}
}

// reader takes encodings apart. After a failure everything is zero.
type reader struct {
	b      []byte
	failed bool
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	r.skip(n)
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.skip(n)
	return v
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.failed = true
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.failed, r.b = true, nil
		return ""
	}
	v := string(r.b[:n])
	r.b = r.b[n:]
	return v
}

func (r *reader) skip(n int) {
	if n <= 0 {
		r.failed, r.b = true, nil
		return
	}
	r.b = r.b[n:]
}
