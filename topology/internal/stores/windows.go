package stores

import (
	"github.com/kolkstream/kolk/serde"
)

// timed is what stores of windows and of sessions have in common.
type timed[K, V any] struct {
	codec[K, V]
	rows    *Rows
	expired *int64 // rows that were too old to be stored
}

func newTimed[K, V any](name string, rows *Rows, k serde.Serde[K], v serde.Serde[V], o Owner, expired *int64) timed[K, V] {
	return timed[K, V]{codec: newCodec(name, k, v, o), rows: rows, expired: expired}
}

func (s *timed[K, V]) get(key K, t Times) (v V, ok bool, err error) {
	if err := s.encodeKey(key); err != nil {
		return v, false, err
	}
	return s.read(t, s.kbuf)
}

// read returns the value of a row.
func (s *timed[K, V]) read(t Times, key []byte) (v V, ok bool, err error) {
	b, found, err := s.rows.Get(s.vbuf[:0], t, key, s.owner.Ref())
	if err != nil {
		return v, false, s.failed(err)
	}
	s.vbuf = b
	if !found {
		return v, false, nil
	}
	v, err = s.decode(b)
	return v, err == nil, err
}

func (s *timed[K, V]) put(key K, t Times, value V) error {
	if err := s.encode(key, value); err != nil {
		return err
	}
	if !s.rows.Put(t, s.kbuf, s.vbuf, s.owner.Ref()) {
		*s.expired++
	}
	return nil
}

func (s *timed[K, V]) delete(key K, t Times) error {
	if err := s.encodeKey(key); err != nil {
		return err
	}
	if min(t[0], t[1]) >= 0 { // no row has another time
		s.rows.Delete(t, s.kbuf)
	}
	return nil
}

// each calls fn for each row of a key whose first time is from lo to hi, until fn returns false.
func (s *timed[K, V]) each(key K, lo, hi int64, fn func(Times, V) bool) error {
	if s.fault != nil {
		return s.fault
	}
	b, err := s.appendKey(nil, key) // fn may use the store
	if err != nil {
		return err
	}
	return s.failed(s.rows.Each(b, lo, hi, s.owner.Ref(), func(t Times) (bool, error) {
		v, ok, err := s.read(t, b)
		if err != nil || !ok { // fn has deleted it
			return err == nil, err
		}
		return fn(t, v), nil
	}))
}

// all is each for all keys.
func (s *timed[K, V]) all(lo, hi int64, fn func(Times, K, V) bool) error {
	if s.fault != nil {
		return s.fault
	}
	return s.failed(s.rows.All(lo, hi, s.owner.Ref(), func(t Times, kb, vb []byte) (bool, error) {
		k, err := s.decodeKey(kb)
		if err != nil {
			return false, err
		}
		v, err := s.decode(vb)
		if err != nil {
			return false, err
		}
		return fn(t, k, v), nil
	}))
}

// Windows is a store of a value for each key and start of a window.
type Windows[K, V any] struct{ timed[K, V] }

// NewWindows returns the typed view of rows. expired counts rows that are too old to be stored.
func NewWindows[K, V any](name string, rows *Rows, k serde.Serde[K], v serde.Serde[V], o Owner, expired *int64) *Windows[K, V] {
	return &Windows[K, V]{newTimed(name, rows, k, v, o, expired)}
}

// BrokenWindows returns a store that answers every call with err.
func BrokenWindows[K, V any](err error) *Windows[K, V] {
	return &Windows[K, V]{timed[K, V]{codec: codec[K, V]{fault: err}}}
}

// Get returns the value of a key in the window that begins at start.
func (s *Windows[K, V]) Get(key K, start int64) (v V, ok bool, err error) {
	return s.get(key, Times{start})
}

// Put sets it.
func (s *Windows[K, V]) Put(key K, start int64, value V) error {
	if err := s.checkTime(start); err != nil {
		return err
	}
	return s.put(key, Times{start}, value)
}

// Delete deletes it, if it is there.
func (s *Windows[K, V]) Delete(key K, start int64) error { return s.delete(key, Times{start}) }

// Fetch calls fn for each window of a key that begins from from to to, both included, in order.
func (s *Windows[K, V]) Fetch(key K, from, to int64, fn func(start int64, v V) bool) error {
	return s.each(key, from, to, func(t Times, v V) bool { return fn(t[0], v) })
}

// FetchAll is Fetch for all keys, in the order of start and key.
func (s *Windows[K, V]) FetchAll(from, to int64, fn func(start int64, key K, v V) bool) error {
	return s.all(from, to, func(t Times, k K, v V) bool { return fn(t[0], k, v) })
}
