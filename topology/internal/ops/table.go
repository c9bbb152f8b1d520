package ops

import (
	"encoding/binary"

	"github.com/kolkstream/kolk/serde"
)

// Table keeps the latest record of each key. It stores the bytes as they came where it can, and nothing else: what is to be forwarded at
// the commit is what the transaction has written.
type Table[K, V any] struct {
	Node
	key      encoder[K]
	value    encoder[V]
	cache    *Cache[V] // for those who look values up
	emission Emission[K, V]
	out      Record[K, V]
	buf      []byte

	log     updateLog
	updates []tableUpdate // by number of the key in the transaction
	pending int
}

// tableUpdate is the last update of a key.
type tableUpdate struct {
	lastUpdate
	ts      int64
	pending bool // it has not been forwarded yet
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
	number := t.put(key, value, r.Timestamp)
	e := &t.emission
	if !e.Forward {
		return nil
	}
	if e.Emit != EmitEach {
		for number >= len(t.updates) {
			t.updates = append(t.updates, tableUpdate{})
		}
		u := &t.updates[number]
		if !u.pending {
			t.pending++
		}
		*u = tableUpdate{lastUpdate: note(&t.log, int32(number), r, true), ts: r.Timestamp, pending: true}
		return nil
	}
	t.out = *r
	t.out.RawKey, t.out.RawValue = key, value
	return e.Next.Receive(&t.out)
}

// put stores a value, nil for none, and returns the number of the key in the transaction.
func (t *Table[K, V]) put(key, value []byte, ts int64) int {
	t.cache.forget(key)
	if value == nil {
		return t.cache.store.Delete(key)
	}
	t.buf = append(binary.BigEndian.AppendUint64(t.buf[:0], uint64(ts)), value...)
	return t.cache.store.Put(key, t.buf)
}

// Flush implements Flusher.
func (t *Table[K, V]) Flush() (bool, error) {
	if t.pending == 0 {
		return false, nil
	}
	return true, t.cache.store.Changes(func(number int, key, value []byte, deleted bool) error {
		if number >= len(t.updates) || !t.updates[number].pending {
			return nil
		}
		u := &t.updates[number]
		u.pending = false
		t.pending--
		return t.forward(number, u, key, value, deleted)
	})
}

// forward sends an update.
func (t *Table[K, V]) forward(number int, u *tableUpdate, key, value []byte, deleted bool) error {
	out, m := &t.out, &t.emission
	out.RawKey, out.RawValue, out.NoValue = key, nil, deleted
	out.Timestamp, out.Ref, out.Origin, out.Headers = u.ts, max(u.ref, u.ts), t.log.origin(u.lastUpdate), t.log.recorded(int32(number))
	var none V
	out.Value = none
	if !deleted {
		if len(value) < 8 {
			return t.cache.noTimestamp(value)
		}
		out.RawValue = value[8:]
	}
	var err error
	if m.NeedKey {
		if out.Key, err = t.key.serde.Decode(key); err != nil {
			return t.fail(out.Origin, decodeError("key", t.key.serde.Name(), err))
		}
	}
	if m.NeedValue && !deleted {
		if out.Value, err = t.cache.decode(out.RawValue); err != nil {
			return err
		}
	}
	return m.Next.Receive(out)
}
