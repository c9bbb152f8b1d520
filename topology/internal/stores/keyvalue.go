package stores

import (
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// KeyValue is a store of keys and values. Writes become visible to others with the transaction, or
// never.
type KeyValue[K, V any] struct {
	codec[K, V]
	store *state.Store
}

// NewKeyValue returns the typed view of the task's store of that name.
func NewKeyValue[K, V any](task Task, name string, k serde.Serde[K], v serde.Serde[V], o Owner) *KeyValue[K, V] {
	return &KeyValue[K, V]{codec: newCodec(name, k, v, o), store: task.Store(name)}
}

// BrokenKeyValue returns a store that answers every call with err.
func BrokenKeyValue[K, V any](err error) *KeyValue[K, V] {
	return &KeyValue[K, V]{codec: codec[K, V]{fault: err}}
}

// Get returns the value of a key. ok is false if there is none.
func (s *KeyValue[K, V]) Get(key K) (v V, ok bool, err error) {
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
func (s *KeyValue[K, V]) Put(key K, value V) error {
	if err := s.encode(key, value); err != nil {
		return err
	}
	s.store.Put(s.kbuf, s.vbuf)
	return nil
}

// Delete deletes a key, if it is there.
func (s *KeyValue[K, V]) Delete(key K) error {
	if err := s.encodeKey(key); err != nil {
		return err
	}
	s.store.Delete(s.kbuf)
	return nil
}

// Range calls fn for each key from lo on and before hi, in the order of the keys' bytes, until fn
// returns false. A missing bound is none. fn may read and write the store: what it writes among the
// keys to come may be seen or not.
func (s *KeyValue[K, V]) Range(lo, hi Opt[K], fn func(K, V) bool) (err error) {
	if s.fault != nil {
		return s.fault
	}
	from, to := []byte(nil), []byte(nil)
	if lo.OK {
		if from, err = s.appendKey(nil, lo.Value); err != nil {
			return err
		}
	}
	if hi.OK {
		if to, err = s.appendKey(nil, hi.Value); err != nil {
			return err
		}
		to = operator.Present(to) // nil would be: no bound
	}
	var read operator.Cursor // not shared: fn may range too
	return s.failed(read.Each(s.store, s.name, from, to, func(kb, vb []byte) (bool, error) {
		k, err := s.decodeKey(kb)
		if err != nil {
			return false, err
		}
		v, err := s.decode(vb)
		if err != nil {
			return false, err
		}
		return fn(k, v), nil
	}))
}
