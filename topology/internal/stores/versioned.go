package stores

import (
	"math"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/versions"
	"github.com/kolkstream/kolk/topology/record"
)

// Versioned is a store of the versions of each key.
type Versioned[K, V any] struct {
	codec[K, V]
	versions *versions.Store[V]
	expired  *int64 // versions that were too old to be stored
}

// NewVersioned returns the typed view of versions, which all views in a task share. expired counts
// versions that are too old to be stored.
func NewVersioned[K, V any](name string, all *versions.Store[V], k serde.Serde[K], v serde.Serde[V], o Owner, expired *int64) *Versioned[K, V] {
	return &Versioned[K, V]{codec: newCodec(name, k, v, o), versions: all, expired: expired}
}

// BrokenVersioned returns a store that answers every call with err.
func BrokenVersioned[K, V any](err error) *Versioned[K, V] {
	return &Versioned[K, V]{codec: codec[K, V]{fault: err}}
}

// Get returns the latest version of a key, and since when it has been that. ok is false if there is
// none.
func (s *Versioned[K, V]) Get(key K) (v V, since int64, ok bool, err error) {
	return s.GetAsOf(key, math.MaxInt64)
}

// GetAsOf returns the value that a key had at a time.
func (s *Versioned[K, V]) GetAsOf(key K, ts int64) (v V, since int64, ok bool, err error) {
	if err := s.encodeKey(key); err != nil {
		return v, 0, false, err
	}
	if ts < record.MinTime {
		return v, 0, false, nil
	}
	b, since, found, err := s.versions.Bytes(s.vbuf[:0], s.kbuf, ts, s.owner.Ref())
	if err != nil {
		return v, 0, false, s.failed(err)
	}
	s.vbuf = b
	if !found {
		return v, 0, false, nil
	}
	v, err = s.decode(b)
	return v, since, err == nil, err
}

// Put gives a key a value from ts on.
func (s *Versioned[K, V]) Put(key K, ts int64, value V) error {
	if err := s.checkTime(ts); err != nil {
		return err
	}
	if err := s.encode(key, value); err != nil {
		return err
	}
	if s.vbuf == nil {
		s.vbuf = []byte{} // nil would be a deletion
	}
	return s.set(ts, s.vbuf)
}

// Delete says that a key has no value from ts on.
func (s *Versioned[K, V]) Delete(key K, ts int64) error {
	if err := s.checkTime(ts); err != nil {
		return err
	}
	if err := s.encodeKey(key); err != nil {
		return err
	}
	return s.set(ts, nil)
}

func (s *Versioned[K, V]) set(ts int64, value []byte) error {
	_, _, fits, err := s.versions.Put(s.kbuf, value, ts, max(ts, s.owner.Ref()))
	if err == nil && !fits {
		*s.expired++
	}
	return s.failed(err)
}
