package operator

import (
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/record"
)

// Keyed is what operators with a store have in common: each record has to have a key.
type Keyed[K any] struct {
	Node
	key Encoder[K]
}

func NewKeyed[K any](n Node, k serde.Serde[K], raw bool) Keyed[K] {
	return Keyed[K]{Node: n, key: NewEncoder("key", k, raw)}
}

// KeyOf returns the bytes of a record's key. ok is false if the record goes no further: it has no
// key, or no value although tombstones are not taken, or its key cannot be encoded and the error
// policy skips it.
func KeyOf[K, V any](k *Keyed[K], r *Record[K, V], tombstones bool) (key []byte, ok bool, err error) {
	switch {
	case r.NoKey:
		k.Drop(record.NullKey, r.Origin)
		return nil, false, nil
	case r.NoValue && !tombstones:
		k.Drop(record.NullValue, r.Origin)
		return nil, false, nil
	}
	if key, err = k.key.Bytes(r.RawKey, r.Key); err != nil {
		return nil, false, k.Fail(r.Origin, err)
	}
	return key, true, nil
}
