package versions

import (
	"encoding/binary"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/cache"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/record"
)

// Store is what a table with a history has: the operator that writes it and those that look it up
// have one for a task.
type Store[V any] struct {
	cache   *cache.Cache[V] // of the latest versions
	history *History
	rule    Rule
	buf     []byte
	// latest is what the store had for the key at hand, with its timestamp.
	latest []byte
}

// NewStore returns the store over the cache of the latest versions.
func NewStore[V any](c *cache.Cache[V], h *History, r Rule) *Store[V] {
	return &Store[V]{cache: c, history: h, rule: r}
}

// At implements operator.Versions.
func (s *Store[V]) At(key []byte, ts, ref int64) (row Row[V], err error) {
	e, err := s.cache.Get(key)
	if err != nil {
		return row, err
	}
	if e.Has && e.TS <= ts {
		row.Value, row.OK, row.Timestamp = e.Value, true, e.TS
		return row, nil
	}
	if ts < s.rule.reaches(ref) {
		return row, nil
	}
	v, ok, err := s.history.next(key, ts)
	if !ok || err != nil || v.from > ts || !v.has {
		return row, err
	}
	row.Timestamp = v.from
	row.Value, err = s.cache.Decode(v.value)
	row.OK = err == nil
	return row, err
}

// Bytes appends to dst the encoded value that a key had at ts, for a record of that ref, and
// returns since when it had it. found is false if there was none, or if that time is too long ago.
func (s *Store[V]) Bytes(dst, key []byte, ts, ref int64) (value []byte, since int64, found bool, err error) {
	n := len(dst)
	b, since, found, err := s.cache.Read(dst, key)
	if err != nil || found && since <= ts {
		if err == nil {
			b = append(b[:n], b[n+8:]...) // without the timestamp
		}
		return b, since, found, err
	}
	b = b[:n]
	if ts < s.rule.reaches(ref) {
		return b, 0, false, nil
	}
	v, ok, err := s.history.next(key, ts)
	if !ok || err != nil || v.from > ts || !v.has {
		return b, 0, false, err
	}
	return append(b, v.value...), v.from, true, nil
}

// Table keeps the versions of each key: the record with the largest timestamp is the latest one,
// others go to the place that their timestamps give them. A record that is older than the history
// is dropped. Each record is forwarded at once.
type Table[K, V any] struct {
	operator.Keyed[K]
	*Store[V]
	value operator.Encoder[V]
	emit  ops.Emitter[K, V]
}

// NewTable returns a table over store. keyRaw and valueRaw say that records bring along their key
// and value as the serdes of the table write them.
func NewTable[K, V any](n Node, k serde.Serde[K], keyRaw, valueRaw bool, s *Store[V], e ops.Emission[K, V]) *Table[K, V] {
	return &Table[K, V]{
		Keyed: operator.NewKeyed(n, k, keyRaw), Store: s, value: operator.NewEncoder("value", s.cache.Serde, valueRaw),
		emit: ops.NewEmitter(n, s.cache, e, k),
	}
}

// Receive implements operator.Receiver.
func (t *Table[K, V]) Receive(r *Record[K, V]) error {
	key, ok, err := operator.KeyOf(&t.Keyed, r, true)
	if !ok {
		return err
	}
	var value []byte
	if !r.NoValue {
		if value, err = t.value.Bytes(r.RawValue, r.Value); err != nil {
			return t.Fail(r.Origin, err)
		}
	}
	has, older, fits, err := t.Put(key, value, r.Timestamp, r.Ref)
	switch {
	case err != nil:
		return err
	case !fits:
		t.Drop(record.LateRecord, r.Origin)
		return nil
	}
	return t.forward(r, key, value, has, older)
}

// Put gives a key a value, nil for none, from ts on, for a record of that ref. has says that it had
// a latest version before, older that the value is not the latest one now. fits is false if it is
// too old, and so is in no history.
func (s *Store[V]) Put(key, value []byte, ts, ref int64) (has, older, fits bool, err error) {
	if !s.rule.takes(ts, ref) {
		return false, false, false, nil
	}
	b, was, has, err := s.cache.Read(s.latest[:0], key)
	if err != nil {
		return has, false, true, err
	}
	s.latest = b
	if older, err = s.enter(key, value, ts, was, has); err == nil {
		err = s.history.expire(s.rule.gone())
	}
	return has, older, true, err
}

// enter puts a value, nil for none, where its timestamp belongs; has and was say that there is a
// latest version and since when. It reports whether the value is not the latest one now.
func (s *Store[V]) enter(key, value []byte, ts, was int64, has bool) (older bool, err error) {
	v := version{from: ts, to: was, has: value != nil, value: value, segment: noSegment}
	if has && ts > was {
		s.history.put(key, version{from: was, to: ts, has: true, value: s.latest[8:], segment: noSegment})
		s.put(key, value, ts)
		return false, nil
	}
	if has && ts == was {
		s.put(key, value, ts)
		if value == nil {
			err = s.mark(key, ts)
		}
		return false, err
	}
	next, ok, err := s.history.next(key, ts)
	switch {
	case err != nil:
		return false, err
	case !ok && !has: // it is the latest of those that are known
		s.put(key, value, ts)
		if value == nil {
			err = s.mark(key, ts)
		}
		return false, err
	case !ok: // it lasts until the latest
	case next.from > ts:
		v.to = next.from
		if next.from == next.to { // that a deletion came then is said by its end
			v.segment = next.segment
		}
	default: // it comes between
		v.to, v.segment = next.to, next.segment
		if next.from < ts {
			s.history.put(key, version{from: next.from, to: ts, has: next.has, value: next.value, segment: noSegment})
		}
	}
	s.history.put(key, v)
	return true, nil
}

// put makes a value, nil for none, the latest version.
func (s *Store[V]) put(key, value []byte, ts int64) {
	s.cache.Forget(key)
	if value == nil {
		s.cache.Store.Delete(key)
		return
	}
	s.buf = append(binary.BigEndian.AppendUint64(s.buf[:0], uint64(ts)), value...)
	s.cache.Store.Put(key, s.buf)
}

// mark has the history say that there is nothing from ts on, if it does not yet: a version that
// ended then says so too.
func (s *Store[V]) mark(key []byte, ts int64) error {
	next, ok, err := s.history.next(key, ts-1)
	if err != nil || ok && next.to == ts {
		return err
	}
	s.history.put(key, version{from: ts, to: ts, segment: noSegment})
	return nil
}

// forward hands on an update; has says that there was a latest version.
func (t *Table[K, V]) forward(r *Record[K, V], key, value []byte, has, older bool) error {
	if !t.emit.Forward {
		return nil
	}
	out := &t.emit.Out
	*out = *r
	out.RawKey, out.RawValue = key, value
	if t.emit.Changes == nil {
		return t.emit.Next.Receive(out)
	}
	old, err := t.cache.Row(t.latest, has)
	if err != nil {
		return err
	}
	if older {
		return t.emit.Older(old.Opt)
	}
	return t.emit.Change(old.Opt)
}
