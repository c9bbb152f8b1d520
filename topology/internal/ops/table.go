package ops

import "github.com/kolkstream/kolk/serde"

// Table keeps the latest record of each key. It stores the bytes as they came where it can.
type Table[K, V any] struct {
	Node
	key      encoder[K]
	value    encoder[V]
	cache    *Cache[V]
	emission Emission[K, V]
	out      Record[K, V]
}

// NewTable returns a table over cache. keyRaw and valueRaw say that records bring along their key and value as the serdes of the
// table write them.
func NewTable[K, V any](n Node, k serde.Serde[K], keyRaw, valueRaw bool, cache *Cache[V], e Emission[K, V]) *Table[K, V] {
	return &Table[K, V]{Node: n, key: newEncoder(k, keyRaw), value: newEncoder(cache.serde, valueRaw), cache: cache, emission: e}
}

// Receive implements Receiver.
func (t *Table[K, V]) Receive(r *Record[K, V]) error {
	if r.NoKey {
		t.drop(NullKey, r.Origin)
		return nil
	}
	key, err := t.key.bytes(r.RawKey, r.Key)
	if err != nil {
		return t.fail(r.Origin, encodeError("key", t.key.serde.Name(), err))
	}
	var value []byte
	if !r.NoValue {
		if value, err = t.value.bytes(r.RawValue, r.Value); err != nil {
			return t.fail(r.Origin, encodeError("value", t.value.serde.Name(), err))
		}
	}
	e := &t.emission
	if err := put(t.cache, key, value, r, e.Forward && e.Emit == EmitUpdates); err != nil {
		return err
	}
	if !e.Forward || e.Emit != EmitEach {
		return nil
	}
	t.out = *r
	t.out.RawKey, t.out.RawValue = key, value
	return e.Next.Receive(&t.out)
}

// Flush implements Flusher.
func (t *Table[K, V]) Flush() (bool, error) {
	return t.cache.flush(func(e *entry[V], raw []byte) error {
		return forward(t.cache, e, raw, false, t.key.serde, &t.emission, &t.out)
	})
}
