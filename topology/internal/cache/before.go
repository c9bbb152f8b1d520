package cache

import "github.com/kolkstream/kolk/topology/internal/operator"

// before is what an entry had when it was handed on last.
type before[A any] struct {
	ts    int64
	has   bool
	value A
	raw   []byte // instead of value, where that may be changed in place
}

// Holder is an operator over a cache that holds updates back outside of its entries.
type Holder interface {
	// Before returns the stored bytes of a key as they were handed on last, if an update of it is
	// held back.
	Before(key []byte) (b []byte, found, held bool)
}

// Track has the cache keep what its entries had before updates; see Remember. holder is the
// operator that holds them back, nil if that is the cache.
func (c *Cache[A]) Track(holder Holder) {
	c.tracks, c.mutable, c.holder = true, operator.Mutable[A](), holder
}

// Remember keeps what an entry has before it is updated, as long as that is what was handed on
// last: until the flush, while an update is pending. What cannot be encoded is an error.
func (c *Cache[A]) Remember(e *Entry[A]) (err error) {
	if e.Pending {
		return nil
	}
	for int(e.ID) >= len(c.befores) {
		c.befores = append(c.befores, before[A]{})
	}
	b := &c.befores[e.ID]
	b.ts, b.has = e.TS, e.Has
	switch {
	case !e.Has:
	case !c.mutable:
		b.value = e.Value
	default:
		if b.raw, err = c.Serde.Append(b.raw[:0], e.Value); err != nil {
			return operator.EncodeError("value", c.Serde.Name(), err)
		}
	}
	return nil
}

// Before returns what an entry had when it was remembered, and lets go of it.
func (c *Cache[A]) Before(e *Entry[A]) (operator.Opt[A], error) {
	if int(e.ID) >= len(c.befores) {
		return operator.Opt[A]{}, nil
	}
	v, err := c.remembered(e)
	b := &c.befores[e.ID]
	*b = before[A]{raw: b.raw[:0]}
	return v, err
}

// remembered returns what an entry had when it was remembered. It is a copy if the owner may change
// the value in place.
func (c *Cache[A]) remembered(e *Entry[A]) (v operator.Opt[A], err error) {
	switch b := &c.befores[e.ID]; {
	case !b.has:
	case !c.mutable:
		v.Value, v.OK = b.value, true
	default:
		v.Value, err = c.Decode(b.raw)
		v.OK = err == nil
	}
	return v, err
}

// Revert gives an entry what it had when it was remembered: nothing that came after it was handed
// on.
func (c *Cache[A]) Revert(e *Entry[A]) error {
	v, err := c.remembered(e)
	if err != nil {
		return err
	}
	e.Value, e.Has, e.TS, e.Pending = v.Value, v.OK, c.befores[e.ID].ts, false
	c.uncopy(e)
	return nil
}

// Row returns the row that stored bytes are.
func (c *Cache[A]) Row(b []byte, found bool) (row operator.Row[A], err error) {
	if !found {
		return row, nil
	}
	row.Timestamp = StartOf(b)
	row.Value, err = c.Decode(b[8:])
	row.OK = err == nil
	return row, err
}

// Stored returns the look-up of rows in the store of a cache. owned says that the values belong to
// an aggregate, which may change them in place.
func Stored[A any](c *Cache[A], owned bool) operator.Lookup[A] {
	return stored[A]{c, owned && operator.Mutable[A]()}
}

// stored looks rows up in a store.
type stored[A any] struct {
	cache  *Cache[A]
	copies bool
}

// Row implements operator.Lookup.
func (s stored[A]) Row(key []byte, handedOn bool, _ Origin) (row operator.Row[A], ok bool, err error) {
	c := s.cache
	if handedOn && c.holder != nil {
		if b, found, held := c.holder.Before(key); held {
			row, err = c.Row(b, found)
			return row, err == nil, err
		}
	}
	e, err := c.Get(key)
	if err != nil {
		return row, false, err
	}
	if handedOn && e.Pending && c.tracks {
		row.Timestamp = c.befores[e.ID].ts
		row.Opt, err = c.remembered(e)
		return row, err == nil, err
	}
	if !e.Has {
		return row, true, nil
	}
	row.Timestamp = e.TS
	row.Value, row.OK, err = c.Shared(e, s.copies)
	return row, row.OK, err
}
