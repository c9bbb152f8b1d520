package sessions

import (
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/cache"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/windows"
	"github.com/kolkstream/kolk/topology/record"
)

// Merge makes one accumulator of two, the earlier one first. It may change the first one.
type Merge[A any] func(a, b A) (A, error)

// Gaps are the sessions of an aggregation, in milliseconds: records of a key that are at most Gap
// apart are in one, and it is open for Gap and Grace after its last record.
type Gaps struct{ Gap, Grace int64 }

// Sessions keep a value for each session and key. A session begins and ends with a record; both
// times belong to it.
type Sessions[K, V, A any] struct {
	aggregate[K, A]
	Gaps
	fold Fold[K, V, A]
	rule rule
	// tombstones says that records without value are seen, nulls that they are added like others.
	// start is what merging begins with, nil for the first session.
	tombstones, nulls bool
	start             func() A

	within []int32 // the sessions that a record is in
}

// Fold is how the records of a session, and sessions that come together, make its value.
type Fold[K, V, A any] struct {
	Step  ops.Step[K, V, A]
	Merge Merge[A]
	// Start makes the value before the first record; nil if there is none.
	Start func() A
	// Nulls says that Step can add records without value.
	Nulls bool
}

// New returns an aggregate of sessions over the task's store of n's name. What closed before the
// task's time, or lies before the mark, is deleted: it has been forwarded.
func New[K, V, A any](n Node, g Gaps, by operator.Clocks, k serde.Serde[K], keyRaw bool, v serde.Serde[A], f Fold[K, V, A], e ops.Emission[windows.Windowed[K], A]) (*Sessions[K, V, A], error) {
	s := &Sessions[K, V, A]{
		aggregate: newAggregate(n, layout{}, g.Gap+g.Grace, k, keyRaw, v, e),
		Gaps:      g, fold: f,
		rule: &byDisorder{task: n.Task, gap: g.Gap, grace: g.Grace, at: n.Task.Time()},
	}
	if by.Seen != nil {
		// Kafka Streams merges into the start, also where there is one session only.
		s.rule, s.start = &byClock{final: e.Emit == ops.EmitFinal, ends: by.Put, task: n.Task, clock: by.Seen, gap: g.Gap, grace: g.Grace}, f.Start
		s.tombstones, s.nulls = true, f.Nulls
	}
	s.kept, s.end, s.open = s.rule.kept, s.close, &s.rows.first
	return s, s.restore(s.rule.opened(), by.Seen == nil)
}

// Receive implements Receiver.
func (s *Sessions[K, V, A]) Receive(r *Record[K, V]) error {
	key, ok, err := operator.KeyOf(&s.Keyed, r, s.tombstones)
	if !ok {
		return err
	}
	closes := s.rule.see(r.Timestamp)
	if r.NoValue && !s.nulls {
		s.Drop(record.NullValue, r.Origin)
	} else if err := s.take(key, r); err != nil {
		return err
	}
	if closes && s.send.Emit == ops.EmitFinal {
		return s.closeWith(r.Origin, r.Headers, s.rule.now())
	}
	return nil
}

// take adds r to its session.
func (s *Sessions[K, V, A]) take(key []byte, r *Record[K, V]) error {
	ts := r.Timestamp
	e, err := s.find(key)
	if err != nil {
		return err
	}
	all := s.look(&e.Value, ts)
	switch {
	case s.rule.late(ts, r.Ref, all.end):
		*s.late++
		s.Drop(record.LateRecord, r.Origin)
	case s.rule.closed(all.end) || ts <= s.passed:
		*s.closed++
		s.Drop(record.WindowClosed, r.Origin)
	default:
		for _, id := range s.within {
			if err := s.rows.need(s.rows.spans.at(id), key); err != nil {
				return err
			}
		}
		after, keep, err := s.add(&e.Value, r)
		if err == nil {
			return s.update(e, r, all, after, keep)
		}
		if err = s.Fail(r.Origin, err); err != nil {
			return err
		}
	}
	s.tidy(e)
	return nil
}

// look finds the sessions that a record of time ts is in, in their order, and returns the one that
// they are together.
func (s *Sessions[K, V, A]) look(set *set, ts int64) bounds {
	all := bounds{ts, ts}
	s.within = s.within[:0]
	for id := set.open.first; id != 0; {
		x := s.rows.spans.at(id)
		if x.start-s.Gap <= ts && ts <= x.end+s.Gap && s.rule.found(x.end) {
			all = bounds{min(all.start, x.start), max(all.end, x.end)}
			s.within = append(s.within, id)
		}
		id = x.next
	}
	return all
}

// add computes the value of the session that a record is in, with those that it brings together.
func (s *Sessions[K, V, A]) add(set *set, r *Record[K, V]) (after A, keep bool, err error) {
	var before A
	if len(s.within) == 0 {
		return s.fold.Step(before, false, r)
	}
	if len(s.within) == 1 && s.start == nil && !s.send.asked() {
		return s.fold.Step(s.rows.spans.at(s.within[0]).value, true, r)
	}
	has := s.start != nil
	if has {
		before = s.start()
	}
	for _, id := range s.within {
		// What comes of it is not to be seen if the step fails, nor in what was before.
		other, err := s.own(s.rows.spans.at(id).value)
		switch {
		case err != nil:
		case has:
			before, err = s.fold.Merge(before, other)
		default:
			before, has = other, true
		}
		if err != nil {
			return before, false, err
		}
	}
	return s.fold.Step(before, true, r)
}

// update makes one session of those that a record is in, and forwards that, if it is to be at once.
func (s *Sessions[K, V, A]) update(e *entry, r *Record[K, V], all bounds, after A, keep bool) error {
	// A session of one moment that has got one more record of that moment is taken for the same.
	tells := s.send.atOnce()
	if tells {
		operator.Inherit(&s.send.out, r)
		s.send.out.Key.Key, s.send.out.Headers = r.Key, nil
	}
	set := &e.Value
	s.rule.put(all.end)
	tells = tells && all != bounds{r.Timestamp, r.Timestamp}
	var (
		id     int32
		before operator.Opt[A]
	)
	for _, old := range s.within {
		x := s.rows.spans.at(old)
		was := x.bounds
		if s.send.asked() {
			before = operator.Opt[A]{Value: x.value, OK: true}
		}
		if keep && len(s.within) == 1 && was == all && !s.send.asked() {
			id = old
		} else {
			s.leave(set, old)
		}
		if tells {
			if err := s.send.takeBack(was, was.end, before); err != nil {
				return err
			}
		}
	}
	if keep {
		if id == 0 {
			id = s.enter(set, all)
			s.await(e, all.end)
		}
		x := s.rows.spans.at(id)
		x.value, x.ts, x.loaded, x.dirty, x.news = after, all.end, true, true, s.send.atCommit()
	}
	s.touch(e)
	cache.Touch(s.cache, e, r, s.send.atCommit())
	switch {
	case !s.send.atOnce():
		return nil
	case tells || s.rule.forgets(): // it was taken back
		before = operator.Opt[A]{}
	}
	if keep {
		return s.send.send(all, after, all.end, before)
	}
	return s.send.takeBack(all, all.end, before)
}

// Flush implements Flusher. Operators before this one have been flushed.
func (s *Sessions[K, V, A]) Flush() (bool, error) { return s.flush(s.rule.now) }

// close forwards the sessions that are closed at now, if final results are wanted, and deletes
// them, until the task is full. Everything is in the store.
func (s *Sessions[K, V, A]) close(now int64) (did, done bool, err error) {
	return s.delete(s.rows.until(nil, s.due(now)), s.due(now), true)
}

// Advance implements Timed: sessions close at the commit.
func (s *Sessions[K, V, A]) Advance(int64) (done bool, err error) { return true, nil }
