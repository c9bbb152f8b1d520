package ops

import (
	"encoding/binary"
	"fmt"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
)

// entryOverhead is about what an entry costs beside its key and value.
const entryOverhead = 256

// Cache holds decoded values of a store that is read by single keys, and what has not been written to it yet.
//
// Each value is encoded once per commit, however often it changes: at Flush, or when it has to leave because the decoded values
// take more than the task's CacheBudget. Leaving does not forward it. Where updates are forwarded once per commit, an entry that
// leaves early stays as a stub without value until Flush, which reads the value back: so the size of the cache shows in no
// result. Stubs are part of the transaction's size, like the store's overlay, and not of the budget.
//
// An entry returned by get is good until the next call of get, flush or trim. Like everything here it belongs to the goroutine of the task.
type Cache[A any] struct {
	node  Node
	store *state.Store
	serde serde.Serde[A]

	entries map[string]*entry[A]
	ages    list[A]
	updates order[A]
	used    int64
	free    *entry[A] // linked by at[0].next
	buf     []byte    // of get and write
	out     []byte    // of flush: stays untouched while flushed values are on their way
	outKey  []byte
}

// NewCache returns the cache of the task's store of that name, whose values carry a timestamp.
func NewCache[A any](task Task, store string, s serde.Serde[A]) *Cache[A] {
	return &Cache[A]{
		node:    Node{Name: store, Task: task},
		store:   task.Store(store),
		serde:   s,
		entries: make(map[string]*entry[A]),
		ages:    list[A]{which: byAge},
	}
}

// get returns the entry of a store key, which need not have a value.
func (c *Cache[A]) get(key []byte) (*entry[A], error) { return c.find(key, false) }

// find is get for who may know that the store has no key that the cache has not: then absent saves asking it.
func (c *Cache[A]) find(key []byte, absent bool) (*entry[A], error) {
	e := c.entries[string(key)]
	if e != nil {
		if e.loaded {
			e.hot = true
			return e, nil
		}
		if err := c.load(e); err != nil {
			return nil, err
		}
	} else {
		e = c.alloc()
		e.key = string(key)
		if absent {
			c.admit(e, 0)
		} else if err := c.load(e); err != nil {
			c.recycle(e)
			return nil, err
		}
		c.entries[e.key] = e
	}
	return e, c.trim(e)
}

// load reads the entry's value from the store.
func (c *Cache[A]) load(e *entry[A]) error {
	size := 0
	if !e.pending || e.has {
		b, ts, found, err := c.read(c.buf[:0], e.key)
		c.buf = b
		if err != nil {
			return err
		}
		e.has = found
		e.ts = ts
		if found {
			if e.value, err = c.decode(b[8:]); err != nil {
				return err
			}
			size = len(b)
		}
	}
	c.admit(e, size)
	return nil
}

// admit makes the entry one that is loaded; its encoded value has that size.
func (c *Cache[A]) admit(e *entry[A], size int) {
	e.loaded = true
	c.charge(e, size)
	if !e.at[byAge].in {
		c.ages.push(e)
	}
}

// read appends the stored bytes of a key, timestamp included, to dst.
func (c *Cache[A]) read(dst []byte, key string) (b []byte, ts int64, found bool, err error) {
	c.outKey = append(c.outKey[:0], key...)
	b, found, err = c.store.Get(dst, c.outKey)
	if err != nil {
		return b, 0, false, fmt.Errorf("store %s: %w", c.node.Name, err)
	}
	if !found {
		return b, 0, false, nil
	}
	if len(b) < 8 {
		return b, 0, false, fmt.Errorf("store %s: %w: a value of %d bytes has no timestamp", c.node.Name, state.ErrCorrupt, len(b))
	}
	return b, int64(binary.BigEndian.Uint64(b)), true, nil
}

// decode decodes a stored value. Failing is fatal: the serde is not the one that wrote it.
func (c *Cache[A]) decode(b []byte) (A, error) {
	v, err := c.serde.Decode(b)
	if err != nil {
		return v, fmt.Errorf("store %s: %w", c.node.Name, decodeError("a stored value", c.serde.Name(), err))
	}
	return v, nil
}

// touch notes an update of the entry by a record: it is the last one of the order. emit says that it is to be forwarded at the
// commit.
func touch[K, V, A any](c *Cache[A], e *entry[A], r *Record[K, V], emit bool) {
	e.ref, e.origin = r.Ref, r.Origin
	e.copied = nil
	if emit {
		e.pending = true
		if len(r.Headers) != 0 || e.headers != nil {
			e.keep(r.Headers)
		}
	}
	c.updates.add(e)
}

// keep copies headers, which belong to a record that goes away.
func (e *entry[A]) keep(from []Header) {
	if e.headers == nil {
		e.headers = new(headers)
	}
	n := 0
	for _, h := range from {
		n += len(h.Value)
	}
	b := e.headers.bytes[:0]
	if cap(b) < n {
		b = make([]byte, 0, n) // once, so that values stay where they are
	}
	to := e.headers.list[:0]
	for _, h := range from {
		if h.Value != nil {
			at := len(b)
			b = append(b, h.Value...)
			h.Value = b[at:len(b):len(b)]
		}
		to = append(to, h)
	}
	e.headers.list, e.headers.bytes = to, b
}

// recorded returns the headers of the last update.
func (e *entry[A]) recorded() []Header {
	if e.headers == nil || len(e.headers.list) == 0 {
		return nil
	}
	return e.headers.list
}

// put stores encoded bytes as the value of key (nil: delete it) as an update by a record. The value is decoded when somebody asks
// for it.
func put[K, V, A any](c *Cache[A], key, encoded []byte, r *Record[K, V], emit bool) error {
	if encoded == nil {
		c.store.Delete(key)
	} else {
		c.buf = append(binary.BigEndian.AppendUint64(c.buf[:0], uint64(r.Timestamp)), encoded...)
		c.store.Put(key, c.buf)
	}
	e := c.entries[string(key)]
	switch {
	case e != nil:
		c.unload(e)
	case !emit:
		return nil
	default:
		e = c.alloc()
		e.key = string(key)
		c.entries[e.key] = e
		c.ages.push(e)
		c.charge(e, 0)
	}
	e.has, e.ts = encoded != nil, r.Timestamp
	if !emit {
		return nil
	}
	touch(c, e, r, true)
	return c.trim(e)
}

// shared returns the entry's value for somebody else than its owner: a copy if the owner may change it in place. ok is false if
// copying failed and the error policy skips what needed it.
func (c *Cache[A]) shared(e *entry[A], copies bool) (v A, ok bool, err error) {
	if !copies {
		return e.value, true, nil
	}
	if e.copied == nil {
		b, err := c.serde.Append(c.buf[:0], e.value)
		if err != nil {
			return v, false, c.node.fail(e.origin, encodeError("value", c.serde.Name(), err))
		}
		c.buf = b
		copied := new(A)
		if *copied, err = c.decode(b); err != nil {
			return v, false, err
		}
		e.copied = copied
	}
	return *e.copied, true, nil
}

// write puts a dirty entry into the store. ok is false if its value could not be encoded and the error policy skips it: then the
// entry is gone, and what the store had before counts again.
func (c *Cache[A]) write(e *entry[A], buf []byte, store bool) (b []byte, ok bool, err error) {
	c.outKey = append(c.outKey[:0], e.key...)
	if !e.has {
		e.dirty = false
		if store {
			c.store.Delete(c.outKey)
		}
		return buf[:0], true, nil
	}
	b = binary.BigEndian.AppendUint64(buf[:0], uint64(e.ts))
	b, err = c.serde.Append(b, e.value)
	if err != nil {
		err = c.node.fail(e.origin, encodeError("value", c.serde.Name(), err))
		if e.window != nil {
			e.window.complete = false
		}
		c.drop(e)
		return buf, false, err
	}
	e.dirty = false
	if store {
		c.store.Put(c.outKey, b)
	}
	c.charge(e, len(b))
	return b, true, nil
}

// charge sets what the entry takes of the budget.
func (c *Cache[A]) charge(e *entry[A], value int) {
	cost := int64(entryOverhead + len(e.key) + value)
	c.used += cost - e.cost
	e.cost = cost
}

// trim makes values leave until the rest fits into the budget, the oldest first that have not been read of late; not the one of
// keep.
func (c *Cache[A]) trim(keep *entry[A]) error {
	if budget := c.node.Task.CacheBudget(); c.used > budget {
		return c.evict(keep, budget)
	}
	return nil
}

func (c *Cache[A]) evict(keep *entry[A], budget int64) error {
	for c.used > budget {
		e := c.ages.first
		if e == nil || e == keep && e == c.ages.last {
			return nil
		}
		if e.hot || e == keep {
			e.hot = false
			c.ages.push(e)
			continue
		}
		if e.dirty {
			b, ok, err := c.write(e, c.buf, true)
			if err != nil {
				return err
			}
			c.buf = b
			if !ok {
				continue
			}
		}
		if e.window != nil {
			e.window.complete = false
		}
		if !e.pending {
			c.drop(e)
			continue
		}
		c.unload(e)
		c.ages.remove(e)
		c.used -= e.cost
		e.cost = 0
	}
	return nil
}

// unload makes the entry a stub.
func (c *Cache[A]) unload(e *entry[A]) {
	var none A
	e.value, e.copied = none, nil
	e.loaded, e.dirty, e.hot = false, false, false
	if e.cost != 0 {
		c.charge(e, 0)
	}
}

// drop forgets an entry, written or not.
func (c *Cache[A]) drop(e *entry[A]) {
	c.used -= e.cost
	c.ages.remove(e)
	c.updates.forget(e)
	if e.window != nil {
		e.window.entries.remove(e)
	}
	delete(c.entries, e.key)
	c.recycle(e)
}

// alloc returns an empty entry. They are made in batches and used again.
func (c *Cache[A]) alloc() *entry[A] {
	if c.free == nil {
		batch := make([]entry[A], 32)
		for i := range batch {
			batch[i].at[0].next = c.free
			c.free = &batch[i]
		}
	}
	e := c.free
	c.free = e.at[0].next
	e.at[0].next = nil
	return e
}

func (c *Cache[A]) recycle(e *entry[A]) {
	*e = entry[A]{}
	e.at[0].next = c.free
	c.free = e
}

// flush writes every dirty entry to the store, except those of closed windows, and calls emit for the pending ones, in the order of
// last update. raw is the encoded value, nil if the key has none; key and raw are good during the call. emit may use this cache.
func (c *Cache[A]) flush(emit func(e *entry[A], raw []byte) error) (did bool, err error) {
	for e := c.updates.take(); e != nil; e = c.updates.take() {
		did = true
		var raw []byte
		switch {
		case e.dirty:
			b, ok, err := c.write(e, c.out, e.window == nil || !e.window.closed)
			if err != nil {
				return did, err
			}
			if !ok {
				continue
			}
			c.out = b
			if e.has {
				raw = b[8:]
			}
		case e.has:
			b, ts, found, err := c.read(c.out[:0], e.key)
			if err != nil {
				return did, err
			}
			c.out = b
			if found {
				raw, e.ts = b[8:], ts
			}
		}
		pending := e.pending
		e.pending = false
		if pending {
			if err := emit(e, raw); err != nil {
				return did, err
			}
		}
		// A stub that had to leave has done its work. (emit may have used the cache, and e be another key's entry by now: no stub then.)
		if !e.loaded && !e.pending && e.cost == 0 && c.entries[e.key] == e {
			c.drop(e)
		}
	}
	return did, nil
}
