package stores

import (
	"fmt"
	"math"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/record"
)

// Sessions is a store of a value for each key and session.
type Sessions[K, V any] struct{ timed[K, V] }

// NewSessions returns the typed view of rows. expired counts rows that are too old to be stored.
func NewSessions[K, V any](name string, rows *Rows, k serde.Serde[K], v serde.Serde[V], o Owner, expired *int64) *Sessions[K, V] {
	return &Sessions[K, V]{newTimed(name, rows, k, v, o, expired)}
}

// BrokenSessions returns a store that answers every call with err.
func BrokenSessions[K, V any](err error) *Sessions[K, V] {
	return &Sessions[K, V]{timed[K, V]{codec: codec[K, V]{fault: err}}}
}

// Get returns the value of a key in a session.
func (s *Sessions[K, V]) Get(key K, session record.Window) (v V, ok bool, err error) {
	return s.get(key, Times{session.End, session.Start})
}

// Put sets it.
func (s *Sessions[K, V]) Put(key K, session record.Window, value V) error {
	err := s.checkTime(session.Start)
	if err == nil {
		err = s.checkTime(session.End)
	}
	if err == nil && session.End < session.Start {
		err = fmt.Errorf("store %s: the session ends at %d, before it begins at %d", s.name, session.End, session.Start)
	}
	if err != nil {
		return err
	}
	return s.put(key, Times{session.End, session.Start}, value)
}

// Delete deletes it, if it is there.
func (s *Sessions[K, V]) Delete(key K, session record.Window) error {
	return s.delete(key, Times{session.End, session.Start})
}

// Fetch calls fn for each session of a key that has something of from to to, both included, in the
// order of their ends.
func (s *Sessions[K, V]) Fetch(key K, from, to int64, fn func(session record.Window, v V) bool) error {
	return s.each(key, from, math.MaxInt64, func(t Times, v V) bool {
		return t[1] > to || fn(record.Window{Start: t[1], End: t[0]}, v)
	})
}

// FetchAll is Fetch for all keys, in the order of end, start and key.
func (s *Sessions[K, V]) FetchAll(from, to int64, fn func(session record.Window, key K, v V) bool) error {
	return s.all(from, math.MaxInt64, func(t Times, k K, v V) bool {
		return t[1] > to || fn(record.Window{Start: t[1], End: t[0]}, k, v)
	})
}
