package ops

import (
	"encoding/binary"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/cache"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// Table keeps the latest record of each key. It stores the bytes as they came where it can, and
// nothing else: what is to be forwarded at the commit is what the transaction has written.
type Table[K, V any] struct {
	operator.Keyed[K]
	value operator.Encoder[V]
	cache *cache.Cache[V] // for those who look values up
	emit  Emitter[K, V]
	buf   []byte

	log     cache.Log
	updates []tableUpdate // by number of the key in the transaction
	pending int
	olds    []byte // what the store had before pending updates, where that is asked for
}

// tableUpdate is the last update of a key.
type tableUpdate struct {
	cache.Last
	ts      int64
	pending bool // it has not been forwarded yet
	// was says that there was a row before, where that is asked for: what the store had is
	// olds[from:to].
	was      bool
	from, to int
}

// NewTable returns a table over cache. keyRaw and valueRaw say that records bring along their key
// and value as the serdes of the table write them.
func NewTable[K, V any](n Node, k serde.Serde[K], keyRaw, valueRaw bool, c *cache.Cache[V], e Emission[K, V]) *Table[K, V] {
	t := &Table[K, V]{Keyed: operator.NewKeyed(n, k, keyRaw), value: operator.NewEncoder("value", c.Serde, valueRaw), cache: c, emit: NewEmitter(n, c, e, k)}
	if e.Changes != nil && t.emit.AtCommit() {
		c.Track(t)
	}
	return t
}

// Receive implements Receiver.
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
	if t.emit.Changes != nil {
		return t.change(key, value, r)
	}
	number := t.put(key, value, r.Timestamp)
	if t.emit.AtCommit() {
		t.note(number, r)
		return nil
	}
	if !t.emit.AtOnce() {
		return nil
	}
	out := &t.emit.Out
	*out = *r
	out.RawKey, out.RawValue = key, value
	return t.emit.Next.Receive(out)
}

// note notes that an update is to be forwarded at the commit, and returns what is known of it.
func (t *Table[K, V]) note(number int, r *Record[K, V]) *tableUpdate {
	for number >= len(t.updates) {
		t.updates = append(t.updates, tableUpdate{})
	}
	u := &t.updates[number]
	if !u.pending {
		t.pending++
	}
	u.Last, u.ts, u.pending = cache.Note(&t.log, int32(number), r, true), r.Timestamp, true
	return u
}

// put stores a value, nil for none, and returns the number of the key in the transaction.
func (t *Table[K, V]) put(key, value []byte, ts int64) int {
	t.cache.Forget(key)
	if value == nil {
		return t.cache.Store.Delete(key)
	}
	t.buf = append(binary.BigEndian.AppendUint64(t.buf[:0], uint64(ts)), value...)
	return t.cache.Store.Put(key, t.buf)
}

// Flush implements Flusher.
func (t *Table[K, V]) Flush() (bool, error) {
	if t.pending == 0 {
		return false, nil
	}
	err := t.cache.Store.Changes(func(number int, key, value []byte, deleted bool) error {
		if number >= len(t.updates) || !t.updates[number].pending {
			return nil
		}
		u := &t.updates[number]
		u.pending = false
		t.pending--
		return t.forward(number, u, key, value, deleted)
	})
	t.letGo()
	return true, err
}

// forward sends an update.
func (t *Table[K, V]) forward(number int, u *tableUpdate, key, value []byte, deleted bool) error {
	if !deleted {
		if len(value) < 8 {
			return t.cache.NoTimestamp(value)
		}
		value = value[8:]
	}
	m := &t.emit
	if ok, err := m.Stored(key, value, u.ts, u.Last, &t.log, int32(number)); !ok {
		return err
	}
	if m.NeedValue && !deleted {
		if err := m.Decode(value); err != nil {
			return err
		}
	}
	if m.Changes != nil {
		return t.changed(u)
	}
	return m.Next.Receive(&m.Out)
}
