package task

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/wiretime"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology"
)

// store is one store of the task, with its changelog.
type store struct {
	spec  flow.StoreSpec
	bytes *state.Store

	// Of logged stores:
	shape string // what the store is, with what it was before
	codec changelog.Spec
	topic string
	id    [16]byte
	// of the changelog, after this transaction and before it; -1: nothing was ever written
	end, was int64
	windows  *windowLog
	gate     changelog.Gate
}

func (s *store) commit() {
	if s.windows != nil {
		s.windows.commit(s.end)
	}
	s.was = s.end
}

func (s *store) abort() {
	if s.windows != nil {
		s.windows.abort()
	}
	s.end = s.was
}

// Position is where the task stands in an input.
type Position struct {
	Topic     string // on the broker
	Partition int32
	// Offset is the next to process. It lies behind control records when nothing else was fetched.
	Offset int64
	// LeaderEpoch is that of the last record processed, -1 if it is not known.
	LeaderEpoch int32
	// Ref is the largest timestamp that the partition has shown, NoTime at first.
	Ref int64
	// Ended is the bounded run that the task has ended in, 0 for none.
	Ended uint64
}

// Flush writes everything that is held back: operators until they are quiet, the task's own times,
// the changes of all logged stores as changelog records, and announcements. Nothing may be
// processed between Flush and Committed or Abort.
func (t *Task) Flush() (err error) {
	if t.broken != nil {
		return t.broken
	}
	t.read()
	t.touch() // an announcement alone, too, is to be undone by an abort
	defer t.rescue(&err)
	if err := t.resume(); err != nil {
		return err
	}
	if err := t.flushOperators(); err != nil {
		return err
	}
	t.settle()
	t.save(t.inputs)
	for _, s := range t.stores {
		if err := t.logChanges(s); err != nil {
			return t.fail(err)
		}
	}
	t.announce()
	return nil
}

func (t *Task) flushOperators() error {
	for again := true; again; {
		again = false
		for _, f := range t.graph.Flushers {
			did, err := f.Flush()
			if err != nil {
				return t.fail(err)
			}
			again = again || did
		}
	}
	return nil
}

// logChanges appends a store's changes to its changelog.
func (t *Task) logChanges(s *store) error {
	if !s.spec.Logged {
		return nil
	}
	return s.bytes.Changes(func(_ int, key, value []byte, deleted bool) error {
		if !s.codec.Logged(key) {
			return nil
		}
		m, buf, err := s.codec.Encode(t.encoded[:0], key, value, deleted, t.now)
		t.encoded = buf
		if err != nil {
			return err
		}
		var hs []kgo.RecordHeader
		if !wiretime.Fits(m.Timestamp) {
			hs, m.Timestamp = t.stamp(t.headers[:0], m.Timestamp)
			t.headers = hs
		}
		if err := s.gate.Check(m.Key, m.Value, m.Timestamp, hs); err != nil {
			return t.refuse(&report.RecordError{Task: t.id, Node: s.spec.Name, Err: err})
		}
		t.opts.Output.Produce(s.topic, t.id.Partition, m.Key, m.Value, m.Timestamp, hs)
		if s.windows != nil {
			s.windows.saw(key, value)
		}
		t.counts.changes++
		return nil
	})
}

// Positions returns what was processed, for all inputs.
func (t *Task) Positions() []Position { return t.positions(false) }

// Rewind returns where to fetch from after an abort: the positions of the last commit.
func (t *Task) Rewind() []Position { return t.positions(true) }

func (t *Task) positions(committed bool) []Position {
	ended := t.ended || t.end.ending == over && !t.postponed && t.end.run == t.run
	if committed {
		ended = t.was.ended
	}
	var run uint64
	if ended {
		run = t.run
	}
	all := make([]Position, len(t.inputs))
	for i, in := range t.inputs {
		p := in.progress
		if committed {
			p = in.was
		}
		all[i] = Position{Topic: in.topic, Partition: t.id.Partition, Offset: p.pos, LeaderEpoch: p.epoch, Ref: p.ref, Ended: run}
	}
	return all
}

// ChangelogEnds returns where the changelogs of the task's stores end, with this transaction. It is
// called between the flush of the Output and Committed. Stores that were never written are not
// listed.
func (t *Task) ChangelogEnds() []checkpoint.ChangelogEnd {
	t.readEnds()
	ends := []checkpoint.ChangelogEnd{} // not nil: it is said that there are no others
	for _, s := range t.stores {
		if s.spec.Logged && s.end >= 0 {
			ends = append(ends, checkpoint.ChangelogEnd{Store: s.spec.Name, TopicID: s.id, Offset: s.end, Shape: s.shape})
		}
	}
	return ends
}

func (t *Task) readEnds() {
	if t.endsRead {
		return
	}
	t.endsRead = true
	for _, s := range t.stores {
		if s.spec.Logged {
			if end, ok := t.opts.Output.End(s.topic, t.id.Partition); ok {
				s.end = end
			}
		}
	}
}

// Committed says that the transaction is committed, as the one with the number seq. Its writes are
// the task's from now on; they go to the database with the next Persist.
func (t *Task) Committed(seq uint64) {
	t.readEnds()
	t.journal.commit(seq, t.opts.Clock.Now())
	t.chronicle.commit()
	for _, in := range t.inputs {
		in.commit()
	}
	for _, s := range t.stores {
		s.commit()
	}
	t.announcer.commit()
	t.left.commit()
	t.counts.commit()
	t.nextTransaction()
	if t.again {
		t.again, t.moved = false, true
		if err := t.build(); err != nil {
			_ = t.fail(fmt.Errorf("build operators after the end of an earlier run: %w", err))
		}
	}
}

// Logged is about how many bytes were committed since the last Persist, however often a key was
// written: what a crash makes the task read again. It is 0 only if nothing was committed.
func (t *Task) Logged() int64 { return t.journal.logged }

// Held is how many bytes of memory the next Persist gives back, about.
func (t *Task) Held() int64 { return t.journal.overlay.Held() }

// Late is about how many bytes of changelog a crash makes the task read again because the database
// has not got the rows that operators keep in memory: less what nobody needs any more.
func (t *Task) Late() (n int64) {
	for _, s := range t.stores {
		if s.keeps() {
			s.windows.purgeable(t.passed(s))
			n += s.windows.bytes - s.windows.done
		}
	}
	return n
}

// keeps says that rows of the store are kept in memory, and can be restored.
func (s *store) keeps() bool { return s.windows != nil && s.bytes.Kept() != nil }

// Persist writes what was committed since the last time to the database, as one batch with the
// positions that belong to it. It may be called in the middle of a transaction. After an error the
// database is as it was, and the task must be closed: it can be opened again, which restores what
// is missing from the changelogs.
func (t *Task) Persist() error {
	if t.journal.logged == 0 && t.Late() == 0 {
		return nil
	}
	return t.persist(true)
}

// PersistHeld is Persist without the rows that operators keep in memory: most of those are never
// written, because nobody needs them any more when they are. The database is behind in their
// changelogs.
func (t *Task) PersistHeld() error {
	if t.journal.logged == 0 {
		return nil
	}
	return t.persist(false)
}

func (t *Task) persist(all bool) error {
	t.journal.logged = 0 // a task that could not write it will not do so when it is closed
	for _, s := range t.stores {
		s.bytes.Late(s.keeps() && !all)
	}
	err := t.journal.persist(func(u *checkpoint.Update) {
		for _, s := range t.stores {
			if s.spec.Logged && s.was >= 0 {
				u.Changelogs[s.spec.Name] = checkpoint.TopicPosition{TopicID: s.id, Offset: t.reaches(s, all)}
				u.Shapes[s.spec.Name] = s.shape
			}
		}
		for _, in := range t.inputs {
			u.Inputs[in.topic] = in.was.pos
		}
	})
	if err != nil {
		t.broken = fmt.Errorf("task %s: write committed state: %w", t.id, err)
		return t.broken
	}
	for _, s := range t.stores {
		if s.keeps() && all {
			s.windows.done = s.windows.bytes
		}
	}
	return nil
}

// reaches returns up to where of its changelog the database has a store: all of it, or, without the
// rows that are kept, as much as before, and what nobody needs any more.
func (t *Task) reaches(s *store, all bool) int64 {
	if all || !s.keeps() {
		return s.was
	}
	had, _ := t.journal.checkpoint.Changelog(s.spec.Name)
	return min(s.was, max(had.Offset, s.windows.purgeable(t.passed(s))))
}

// Abort takes the task back to its last commit. The queues are emptied: fetch again from Rewind.
func (t *Task) Abort() error {
	t.journal.abort()
	t.chronicle.abort()
	t.pacing.abort()
	for _, in := range t.inputs {
		in.abort()
	}
	for _, s := range t.stores {
		s.abort()
	}
	t.announcer.abort()
	t.moved, t.again = true, false
	t.left.abort()
	t.nextTransaction()
	if err := t.build(); err != nil {
		return t.fail(fmt.Errorf("build operators after an abort: %w", err))
	}
	return nil
}

// nextTransaction forgets what belongs to the present transaction only.
func (t *Task) nextTransaction() {
	t.counts.reset()
	t.taking = taking{}
	t.dirty, t.endsRead, t.handed = false, false, 0
	t.current, t.broken = nil, nil
	t.handing = topology.Origin{}
}

// Skip leaves out a message when it comes again: after an abort, the one of an [AbortToSkip].
func (t *Task) Skip(o topology.Origin) {
	for _, in := range t.inputs {
		if in.topic == o.Topic && o.Partition == t.id.Partition && o.Offset >= in.pos {
			in.skips = append(in.skips, o.Offset)
			return
		}
	}
	t.left = append(t.left, leftOut{origin: o}) // it is held back, here or on the way
}
