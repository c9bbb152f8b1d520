package foreign

import (
	"context"
	"fmt"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// JoinFunc makes the result of a join from what both sides have.
type JoinFunc[V, V2, O any] func(context.Context, V, Opt[V2]) (O, error)

// Times says which timestamps results have.
type Times interface {
	// Joined returns that of a result: left is that of the left row; answer that of the answer,
	// with which has says that there is a right row, and update that the right row has changed.
	Joined(left, answer int64, has, update bool) int64
	// Deleted returns that of the deletion of a result by an inner join: left is that of the change
	// of the left row, right that of the right row.
	Deleted(left, right int64) int64
	// KeepsRight reports whether Deleted goes by the right row, so that its time is kept.
	KeepsRight() bool
}

// OfRows is the time of kolk: a result is as new as the rows that it is made of.
type OfRows struct{}

// Joined implements Times.
func (OfRows) Joined(left, answer int64, has, _ bool) int64 {
	if !has {
		return left
	}
	return max(left, answer)
}

// Deleted implements Times.
func (OfRows) Deleted(left, _ int64) int64 { return left }

// KeepsRight implements Times.
func (OfRows) KeepsRight() bool { return false }

// OfUpdates is the time of Kafka Streams: an update of the right side counts alone, one of the left
// side together with the right row.
type OfUpdates struct{}

// Joined implements Times.
func (OfUpdates) Joined(left, answer int64, has, update bool) int64 {
	switch {
	case update:
		return answer
	case has:
		return max(left, answer)
	}
	return left
}

// Deleted implements Times.
func (OfUpdates) Deleted(left, right int64) int64 { return max(left, right) }

// KeepsRight implements Times.
func (OfUpdates) KeepsRight() bool { return true }

// Join keeps the rows of the left table and joins them with answers. An answer counts if it has the
// number of the change that made the row what it is: those before are stale. One that comes before
// the row itself waits for it; the numbers grow, so one is enough.
type Join[K, V, V2, O any] struct {
	operator.Node
	key   operator.Encoder[K]
	value serde.Serde[V]
	right serde.Serde[V2]
	left  bool
	join  JoinFunc[V, V2, O]
	times Times
	next  Receiver[K, O]
	out   Record[K, O]

	store *state.Store
	row   row
	read  []byte
	buf   []byte
}

// NewJoin returns the operator. store is the name of the store of rows; left says that the join
// keeps rows that find nothing; keyRaw that records bring along their key as k writes it.
func NewJoin[K, V, V2, O any](n operator.Node, store string, k serde.Serde[K], keyRaw bool, v serde.Serde[V], v2 serde.Serde[V2],
	left bool, join JoinFunc[V, V2, O], times Times, next Receiver[K, O]) *Join[K, V, V2, O] {
	return &Join[K, V, V2, O]{
		Node: n, key: operator.NewEncoder("key", k, keyRaw), value: v, right: v2, left: left, join: join, times: times, next: next,
		store: n.Task.Store(store),
	}
}

// Receive implements operator.Receiver.
func (j *Join[K, V, V2, O]) Receive(r *Record[K, Left]) error {
	key, ok, err := j.load(r.RawKey, r.Key, r.Origin)
	if !ok {
		return err
	}
	w, l := &j.row, &r.Value
	operator.InheritKey(&j.out, r)
	w.there, w.number, w.ts, w.value = l.There, l.Number, r.Timestamp, l.Value
	if w.hasEarly && w.early.Number < l.Number {
		w.hasEarly = false // stale
	}
	switch {
	case !l.There:
		if w.hasRight {
			j.out.Timestamp = j.times.Deleted(j.out.Timestamp, w.rightTS)
		}
		err = j.delete()
	case w.hasEarly && w.early.Number == l.Number:
		w.hasEarly = false
		err = j.answered(&w.early, w.earlyTS)
	case !l.Answered:
		err = j.answered(&Answer{}, w.ts)
	}
	if err != nil {
		return err
	}
	j.save(key)
	return nil
}

// Answers returns the receiver of answers.
func (j *Join[K, V, V2, O]) Answers() Receiver[K, Answer] { return answers[K, V, V2, O]{j} }

type answers[K, V, V2, O any] struct{ j *Join[K, V, V2, O] }

// Receive implements operator.Receiver.
func (a answers[K, V, V2, O]) Receive(r *Record[K, Answer]) error {
	j := a.j
	key, ok, err := j.load(r.RawKey, r.Key, r.Origin)
	if !ok {
		return err
	}
	w, m := &j.row, &r.Value
	operator.InheritKey(&j.out, r)
	switch {
	case m.Ends: // nothing more comes from there of what was before
		if !w.hasEarly || w.early.Number >= m.Number {
			return nil
		}
		w.hasEarly = false
	case w.there && w.number == m.Number:
		if err := j.answered(m, r.Timestamp); err != nil {
			return err
		}
	case w.there && w.number > m.Number, w.hasEarly && w.early.Number > m.Number: // stale
		return nil
	default:
		w.hasEarly, w.early, w.earlyTS = true, *m, r.Timestamp
	}
	j.save(key)
	return nil
}

// load reads the row of a key. ok is false if the record goes no further.
func (j *Join[K, V, V2, O]) load(raw []byte, k K, o operator.Origin) (key []byte, ok bool, err error) {
	if key, err = j.key.Bytes(raw, k); err != nil {
		return nil, false, j.Fail(o, err)
	}
	b, found, err := j.store.Get(j.read[:0], key)
	if err != nil {
		return nil, false, fmt.Errorf("join %s: %w", j.Name, err)
	}
	j.read, j.row = b, row{}
	if found {
		if err := j.row.parse(b); err != nil {
			return nil, false, fmt.Errorf("join %s: %w", j.Name, err)
		}
	}
	return key, true, nil
}

// save stores the row, if there is something to know of it.
func (j *Join[K, V, V2, O]) save(key []byte) {
	if !j.row.there && !j.row.hasEarly {
		j.store.Delete(key)
		return
	}
	j.buf = j.row.append(j.buf[:0])
	j.store.Put(key, j.buf)
}

// answered updates the result with the answer to the last change of the row, of time at. The record
// to be sent has everything but value and timestamp.
func (j *Join[K, V, V2, O]) answered(a *Answer, at int64) error {
	if !a.Has && !j.left {
		if j.out.Timestamp = at; a.Say || j.row.joined {
			return j.delete()
		}
		return nil
	}
	w, out := &j.row, &j.out
	v, err := j.made(a)
	if err != nil { // and the error policy skips it: there is no result
		if err := j.Fail(out.Origin, err); err != nil || !w.joined {
			return err
		}
		out.Timestamp = at
		return j.delete()
	}
	w.joined = true
	w.hasRight, w.rightTS = a.Has && !j.left && j.times.KeepsRight(), at
	out.Value, out.NoValue = v, false
	out.Timestamp = j.times.Joined(w.ts, at, a.Has, a.Update)
	out.Ref = max(out.Ref, out.Timestamp)
	return j.next.Receive(out)
}

// delete deletes the result.
func (j *Join[K, V, V2, O]) delete() error {
	j.row.joined, j.row.hasRight = false, false
	var none O
	j.out.Value, j.out.NoValue = none, true
	j.out.Ref = max(j.out.Ref, j.out.Timestamp)
	return j.next.Receive(&j.out)
}

func (j *Join[K, V, V2, O]) made(a *Answer) (v O, err error) {
	left, err := j.value.Decode(operator.Present(j.row.value))
	if err != nil {
		return v, operator.DecodeError("left value", j.value.Name(), err)
	}
	var right Opt[V2]
	if a.Has {
		if right.Value, err = j.right.Decode(operator.Present(a.Right)); err != nil {
			return v, operator.DecodeError("right value", j.right.Name(), err)
		}
		right.OK = true
	}
	return j.join(j.Task.Context(), left, right)
}
