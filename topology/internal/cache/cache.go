// Package cache holds decoded values of a store, and what has not been written to it and forwarded
// yet.
package cache

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// Cache holds decoded values of a store that is read by single keys, and what has not been written
// to it yet.
//
// Each value is encoded once per commit, however often it changes: at Flush, or when it has to
// leave because the decoded values take more than the task's CacheBudget. Leaving does not forward
// it. Where updates are forwarded once per commit, an entry that leaves early stays as a stub
// without value until Flush, which reads the value back: so the size of the cache shows in no
// result. Stubs are part of the transaction's size, like the store's overlay, and not of the
// budget.
//
// An entry returned by get is good until the next call of get, flush or trim. Like everything here
// it belongs to the goroutine of the task.
type Cache[A any] struct {
	node  Node
	Store *state.Store
	Serde serde.Serde[A]
	rows  Rows[A] // nil: a row for each key, of a timestamp and a value

	seed    maphash.Seed
	index   index
	slab    slab[A]
	ages    list
	updates order[A]
	Log     Log
	Windows *OpenWindows // whose entries these are; nil for a store without windows
	copies  []*A         // of values for others than their owner, by number of the entry; nil: none
	befores []before[A]  // by number of the entry, where old values are asked for
	tracks  bool         // they are
	mutable bool         // values may be changed in place; with tracks
	holder  Holder
	used    int64
	buf     []byte // of get and write
	out     []byte // of flush: stays untouched while flushed values are on their way
	outKey  []byte
}

// NewCache returns the cache of the task's store of that name, whose values carry a timestamp.
func NewCache[A any](task Task, store string, s serde.Serde[A]) *Cache[A] {
	return &Cache[A]{
		node:  Node{Name: store, Task: task},
		Store: task.Store(store),
		Serde: s,
		seed:  maphash.MakeSeed(),
		ages:  list{which: byAge},
	}
}

// Rows are how the values of a cache lie in its store, where each is more than one row.
type Rows[A any] interface {
	// Load reads the value of a key: all of it or, where Unload has been called and v is what it
	// has left, what that took away. size is about what it takes in memory.
	Load(key []byte, v *A, unloaded bool) (size int, err error)
	// Save writes what of the value the store has not got yet. After an error, which is one of
	// encoding, the store is as it was.
	Save(key []byte, v *A) (size int, err error)
	// Unload takes away what Load can bring back. Free forgets the value of a key.
	Unload(v *A)
	Free(key []byte, v *A)
}

// NewRowsCache returns a cache of the task's store of that name, whose values lie there as rows.
func NewRowsCache[A any](task Task, store string, rows Rows[A]) *Cache[A] {
	c := NewCache[A](task, store, nil)
	c.rows = rows
	return c
}

// Get returns the entry of a store key, which need not have a value.
func (c *Cache[A]) Get(key []byte) (*Entry[A], error) { return c.Find(key, false) }

// Find is get for who may know that the store has no key that the cache has not: then absent saves
// asking it.
func (c *Cache[A]) Find(key []byte, absent bool) (*Entry[A], error) {
	hash := c.hash(key)
	e := c.lookup(hash, key)
	if e != nil {
		if e.Loaded {
			e.hot = true
			return e, nil
		}
		if err := c.load(e); err != nil {
			return nil, err
		}
	} else {
		e = c.slab.alloc(key)
		c.index.add(hash, e.ID)
		if absent {
			c.admit(e, 0)
		} else if err := c.load(e); err != nil {
			c.Drop(e)
			return nil, err
		}
	}
	return e, c.trim(e)
}

// Name returns the name of the store.
func (c *Cache[A]) Name() string { return c.node.Name }

func (c *Cache[A]) hash(key []byte) uint32 { return uint32(maphash.Bytes(c.seed, key)) }

// lookup returns the entry of a key, nil if there is none.
func (c *Cache[A]) lookup(hash uint32, key []byte) *Entry[A] {
	if c.index.n == 0 {
		return nil
	}
	mask := uint32(len(c.index.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		slot := c.index.slots[at]
		if slot == 0 {
			return nil
		}
		if uint32(slot>>32) == hash {
			if e := c.slab.entry(int32(uint32(slot))); bytes.Equal(c.slab.key(e), key) {
				return e
			}
		}
	}
}

// load reads the entry's value from the store.
func (c *Cache[A]) load(e *Entry[A]) error {
	size := 0
	switch {
	case c.rows != nil:
		n, err := c.rows.Load(c.slab.key(e), &e.Value, e.Pending)
		if err != nil {
			return err
		}
		e.Has, size = true, n
	case !e.Pending || e.Has:
		b, ts, found, err := c.Read(c.buf[:0], c.slab.key(e))
		c.buf = b
		if err != nil {
			return err
		}
		e.Has = found
		e.TS = ts
		if found {
			if e.Value, err = c.Decode(b[8:]); err != nil {
				return err
			}
			size = len(b)
		}
	}
	c.admit(e, size)
	return nil
}

// Lookup returns the entry of a key, be it one whose value is in the store only; nil if there is
// none.
func (c *Cache[A]) Lookup(key []byte) *Entry[A] { return c.lookup(c.hash(key), key) }

// admit makes the entry one that is loaded; its encoded value has that size.
func (c *Cache[A]) admit(e *Entry[A], size int) {
	e.Loaded = true
	c.charge(e, size)
	if !e.at[byAge].in {
		c.slab.push(&c.ages, e)
	}
}

// Read appends the stored bytes of a key, timestamp included, to dst.
func (c *Cache[A]) Read(dst, key []byte) (b []byte, ts int64, found bool, err error) {
	b, found, err = c.Store.Get(dst, key)
	if err != nil {
		return b, 0, false, fmt.Errorf("store %s: %w", c.node.Name, err)
	}
	if !found {
		return b, 0, false, nil
	}
	if len(b) < 8 {
		return b, 0, false, c.NoTimestamp(b)
	}
	return b, int64(binary.BigEndian.Uint64(b)), true, nil
}

func (c *Cache[A]) NoTimestamp(b []byte) error {
	return fmt.Errorf("store %s: %w: a value of %d bytes has no timestamp", c.node.Name, state.ErrCorrupt, len(b))
}

// Decode decodes a stored value. Failing is fatal: the serde is not the one that wrote it.
func (c *Cache[A]) Decode(b []byte) (A, error) {
	v, err := c.Serde.Decode(operator.Present(b))
	if err != nil {
		return v, fmt.Errorf("store %s: %w", c.node.Name, operator.DecodeError("a stored value", c.Serde.Name(), err))
	}
	return v, nil
}

// Touch notes an update of the entry by a record: it is the last one of the order. emit says that
// it is to be forwarded at the commit.
func Touch[K, V, A any](c *Cache[A], e *Entry[A], r *Record[K, V], emit bool) {
	e.Last = Note(&c.Log, e.ID, r, emit)
	c.uncopy(e)
	if emit {
		e.Pending = true
	}
	c.updates.add(&c.slab, e)
}

// Forget drops what the cache has of a key, whose value has changed in the store.
func (c *Cache[A]) Forget(key []byte) {
	if c.index.n != 0 {
		if e := c.lookup(c.hash(key), key); e != nil {
			c.Drop(e)
		}
	}
}

// Shared returns the entry's value for somebody else than its owner: a copy if the owner may change
// it in place. ok is false if copying failed and the error policy skips what needed it.
func (c *Cache[A]) Shared(e *Entry[A], copies bool) (v A, ok bool, err error) {
	if !copies {
		return e.Value, true, nil
	}
	for int(e.ID) >= len(c.copies) {
		c.copies = append(c.copies, nil)
	}
	if c.copies[e.ID] == nil {
		b, err := c.Serde.Append(c.buf[:0], e.Value)
		if err != nil {
			return v, false, c.node.Fail(c.Log.Origin(e.Last), operator.EncodeError("value", c.Serde.Name(), err))
		}
		c.buf = b
		copied := new(A)
		if *copied, err = c.Decode(b); err != nil {
			return v, false, err
		}
		c.copies[e.ID] = copied
	}
	return *c.copies[e.ID], true, nil
}

// uncopy forgets the copy of an entry's value.
func (c *Cache[A]) uncopy(e *Entry[A]) {
	if int(e.ID) < len(c.copies) {
		c.copies[e.ID] = nil
	}
}

// window returns the window of an entry; nil if the store has none.
func (c *Cache[A]) window(e *Entry[A]) *OpenWindow {
	if c.Windows == nil || !e.at[byWindow].in {
		return nil
	}
	return c.Windows.Find(StartOf(c.slab.key(e)))
}

// Save puts a dirty entry into the store, where its value can be encoded; see Write.
func (c *Cache[A]) Save(e *Entry[A]) error {
	b, _, err := c.Write(e, c.buf, true)
	if err == nil {
		c.buf = b
	}
	return err
}

// Write puts a dirty entry into the store. ok is false if its value could not be encoded and the
// error policy skips it: then the entry is gone, and what the store had before counts again.
func (c *Cache[A]) Write(e *Entry[A], buf []byte, store bool) (b []byte, ok bool, err error) {
	if c.rows != nil {
		size, err := c.rows.Save(c.slab.key(e), &e.Value)
		if err != nil {
			err = c.node.Fail(c.Log.Origin(e.Last), err)
			c.Drop(e)
			return buf, false, err
		}
		e.Dirty = false
		c.charge(e, size)
		return buf[:0], true, nil
	}
	if !e.Has {
		e.Dirty = false
		if store {
			c.Store.Delete(c.slab.key(e))
		}
		return buf[:0], true, nil
	}
	b = binary.BigEndian.AppendUint64(buf[:0], uint64(e.TS))
	b, err = c.Serde.Append(b, e.Value)
	if err != nil {
		err = c.node.Fail(c.Log.Origin(e.Last), operator.EncodeError("value", c.Serde.Name(), err))
		if err == nil && c.tracks && e.Pending {
			// All since it was handed on is undone: a part of it may be in the store.
			if err := c.Revert(e); err != nil {
				return buf, false, err
			}
			return c.Write(e, buf, store)
		}
		if w := c.window(e); w != nil {
			w.Complete = false
		}
		c.Drop(e)
		return buf, false, err
	}
	e.Dirty = false
	if store {
		c.Store.Put(c.slab.key(e), b)
	}
	c.charge(e, len(b))
	return b, true, nil
}

// charge sets what the entry takes of the budget.
func (c *Cache[A]) charge(e *Entry[A], value int) {
	cost := min(c.slab.overhead(e)+int64(value), math.MaxUint32)
	c.used += cost - int64(e.Cost)
	e.Cost = uint32(cost)
}

// Grow says that the value of an entry has become larger by so many bytes, or smaller.
func (c *Cache[A]) Grow(e *Entry[A], by int) {
	cost := min(max(0, int64(e.Cost)+int64(by)), math.MaxUint32)
	c.used += cost - int64(e.Cost)
	e.Cost = uint32(cost)
}

// trim makes values leave until the rest fits into the budget, the oldest first that have not been
// read of late; not the one of keep.
func (c *Cache[A]) trim(keep *Entry[A]) error {
	if budget := c.node.Task.CacheBudget(); c.used > budget {
		return c.evict(keep, budget)
	}
	return nil
}

func (c *Cache[A]) evict(keep *Entry[A], budget int64) error {
	for c.used > budget {
		if c.ages.first == 0 || c.ages.first == keep.ID && c.ages.last == keep.ID {
			return nil
		}
		e := c.slab.entry(c.ages.first)
		if e.hot || e == keep {
			e.hot = false
			c.slab.push(&c.ages, e)
			continue
		}
		if e.Dirty {
			b, ok, err := c.Write(e, c.buf, true)
			if err != nil {
				return err
			}
			c.buf = b
			if !ok {
				continue
			}
		}
		if w := c.window(e); w != nil {
			w.Complete = false
		}
		if e.Pending {
			c.unload(e)
		} else {
			c.Drop(e)
		}
	}
	return nil
}

// unload makes the entry a stub.
func (c *Cache[A]) unload(e *Entry[A]) {
	if c.rows != nil {
		c.rows.Unload(&e.Value)
	} else {
		var none A
		e.Value = none
	}
	e.Loaded, e.hot = false, false
	c.uncopy(e)
	c.slab.remove(&c.ages, e)
	c.used -= int64(e.Cost)
	e.Cost = 0
}

// Drop forgets an entry, written or not.
func (c *Cache[A]) Drop(e *Entry[A]) {
	if c.rows != nil {
		c.rows.Free(c.slab.key(e), &e.Value)
	}
	c.used -= int64(e.Cost)
	c.uncopy(e)
	c.slab.remove(&c.ages, e)
	c.updates.forget(e)
	if w := c.window(e); w != nil {
		c.slab.remove(&w.entries, e)
	}
	c.index.remove(c.hash(c.slab.key(e)), e.ID)
	c.slab.recycle(e)
}

// Flush writes every dirty entry to the store, except those of closed windows, and calls emit for
// the pending ones, in the order of last update. raw is the encoded value, nil if the key has none,
// or if it is more than one row; key and raw are good during the call. emit may use this cache.
func (c *Cache[A]) Flush(emit func(e *Entry[A], key, raw []byte) error) (did bool, err error) {
	c.updates.sweep(&c.slab) // what is left lies in the processor's caches now
	for e := c.updates.take(&c.slab); e != nil; e = c.updates.take(&c.slab) {
		did = true
		var raw []byte
		switch {
		case e.Dirty:
			w := c.window(e)
			b, ok, err := c.Write(e, c.out, w == nil || !w.Closed)
			if err != nil {
				return did, err
			}
			if !ok {
				continue
			}
			c.out = b
			if e.Has && c.rows == nil {
				raw = b[8:]
			}
		case c.rows != nil:
			if !e.Loaded && e.Pending {
				if _, err := c.rows.Load(c.slab.key(e), &e.Value, true); err != nil {
					return did, err
				}
			}
		case e.Has:
			b, ts, found, err := c.Read(c.out[:0], c.slab.key(e))
			if err != nil {
				return did, err
			}
			c.out = b
			if found {
				raw, e.TS = b[8:], ts
			}
		}
		if !e.Pending {
			continue
		}
		e.Pending = false
		c.outKey = operator.Present(append(c.outKey[:0], c.slab.key(e)...))
		if err := emit(e, c.outKey, raw); err != nil {
			return did, err
		}
		// A stub that had to leave has done its work. (emit may have used the cache, and e be
		// another key's entry by now: no stub then.)
		if e.used && !e.Loaded && !e.Pending {
			c.Drop(e)
		}
	}
	return did, nil
}
