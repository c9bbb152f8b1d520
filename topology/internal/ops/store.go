package ops

import (
	"fmt"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// Store is a key-value store of processors, typed. Each Put encodes and each Get decodes: what Get
// returns belongs to the caller, and a changed value counts when it is Put. Writes become visible
// to others with the transaction, or never.
//
// It belongs to the goroutine of its task.
type Store[K, V any] struct {
	name  string
	store *state.Store
	key   serde.Serde[K]
	value serde.Serde[V]
	kbuf  []byte
	vbuf  []byte
	stop  func(error)
	fault error // of every call
}

// NewStore returns the typed view of the task's store of that name. stop is told of errors that are
// no fault of a record.
func NewStore[K, V any](task Task, name string, k serde.Serde[K], v serde.Serde[V], stop func(error)) *Store[K, V] {
	return &Store[K, V]{name: name, store: task.Store(name), key: k, value: v, stop: stop, vbuf: make([]byte, 0, 64)}
}

// BrokenStore returns a store that answers every call with err.
func BrokenStore[K, V any](err error) *Store[K, V] { return &Store[K, V]{fault: err} }

// Get returns the value of a key. ok is false if there is none.
func (s *Store[K, V]) Get(key K) (v V, ok bool, err error) {
	if err := s.encodeKey(key); err != nil {
		return v, false, err
	}
	b, found, err := s.store.Get(s.vbuf[:0], s.kbuf)
	if err != nil {
		return v, false, s.broken(err)
	}
	s.vbuf = b
	if !found {
		return v, false, nil
	}
	v, err = s.decode(b)
	return v, err == nil, err
}

// Put sets the value of a key.
func (s *Store[K, V]) Put(key K, value V) error {
	if err := s.encodeKey(key); err != nil {
		return err
	}
	b, err := s.value.Append(s.vbuf[:0], value)
	if err != nil {
		return fmt.Errorf("store %s: %w", s.name, operator.EncodeError("value", s.value.Name(), err))
	}
	s.vbuf = b
	s.store.Put(s.kbuf, b)
	return nil
}

// Delete deletes a key, if it is there.
func (s *Store[K, V]) Delete(key K) error {
	if err := s.encodeKey(key); err != nil {
		return err
	}
	s.store.Delete(s.kbuf)
	return nil
}

// Range calls fn for each key from lo on and before hi, in the order of the keys' bytes, until fn
// returns false. A missing bound is none. fn may read and write the store: what it writes among the
// keys to come may be seen or not.
func (s *Store[K, V]) Range(lo, hi Opt[K], fn func(K, V) bool) (err error) {
	if s.fault != nil {
		return s.fault
	}
	from, to := []byte(nil), []byte(nil)
	if lo.OK {
		if from, err = s.key.Append(nil, lo.Value); err != nil {
			return fmt.Errorf("store %s: %w", s.name, operator.EncodeError("key", s.key.Name(), err))
		}
	}
	if hi.OK {
		if to, err = s.key.Append(nil, hi.Value); err != nil {
			return fmt.Errorf("store %s: %w", s.name, operator.EncodeError("key", s.key.Name(), err))
		}
		to = operator.Present(to) // nil would be: no bound
	}
	var read operator.Cursor // not shared: fn may range too
	failed := error(nil)
	err = read.Each(s.store, s.name, from, to, func(kb, vb []byte) (bool, error) {
		k, err := s.key.Decode(operator.Present(kb))
		if err != nil {
			failed = s.broken(operator.DecodeError("a stored key", s.key.Name(), err))
			return false, nil
		}
		v, err := s.decode(vb)
		if err != nil {
			failed = err
			return false, nil
		}
		return fn(k, v), nil
	})
	if err != nil {
		s.stop(err)
		return err
	}
	return failed
}

func (s *Store[K, V]) encodeKey(key K) error {
	if s.fault != nil {
		return s.fault
	}
	b, err := s.key.Append(s.kbuf[:0], key)
	if err != nil {
		return fmt.Errorf("store %s: %w", s.name, operator.EncodeError("key", s.key.Name(), err))
	}
	s.kbuf = b
	return nil
}

func (s *Store[K, V]) decode(b []byte) (V, error) {
	v, err := s.value.Decode(operator.Present(b))
	if err != nil {
		return v, s.broken(operator.DecodeError("a stored value", s.value.Name(), err))
	}
	return v, nil
}

// broken reports an error that stops the task, whatever the processor makes of it.
func (s *Store[K, V]) broken(err error) error {
	err = fmt.Errorf("store %s: %w", s.name, err)
	s.stop(err)
	return err
}
