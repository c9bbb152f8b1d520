package ops

import (
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/record"
)

// keyed is what operators with a store have in common: each record has to have a key.
type keyed[K any] struct {
	Node
	key encoder[K]
}

func newKeyed[K any](n Node, k serde.Serde[K], raw bool) keyed[K] {
	return keyed[K]{Node: n, key: newEncoder("key", k, raw)}
}

// keyOf returns the bytes of a record's key. ok is false if the record goes no further: it has no
// key, or no value although tombstones are not taken, or its key cannot be encoded and the error
// policy skips it.
func keyOf[K, V any](k *keyed[K], r *Record[K, V], tombstones bool) (key []byte, ok bool, err error) {
	switch {
	case r.NoKey:
		k.drop(record.NullKey, r.Origin)
		return nil, false, nil
	case r.NoValue && !tombstones:
		k.drop(record.NullValue, r.Origin)
		return nil, false, nil
	}
	if key, err = k.key.bytes(r.RawKey, r.Key); err != nil {
		return nil, false, k.fail(r.Origin, err)
	}
	return key, true, nil
}
