package ops

import "github.com/kolkstream/kolk/serde"

// Emit says when an aggregate or table forwards its updates.
type Emit int

const (
	// EmitUpdates forwards the latest value of each key at the commit, in the order of last update.
	EmitUpdates Emit = iota
	// EmitEach forwards every update at once.
	EmitEach
	// EmitFinal forwards each window once, when it has closed.
	EmitFinal
)

// String returns the policy as it is named in descriptions.
func (e Emit) String() string { return [...]string{"updates", "each-update", "final"}[e] }

// Step computes an aggregate from the one before (has is false if there is none) and a record with key and value. It may change
// the one before and return it. keep is false if there is to be none any more.
type Step[K, V, A any] func(before A, has bool, r *Record[K, V]) (after A, keep bool, err error)

// Emission is how an operator with a store forwards what is in it.
type Emission[K, A any] struct {
	Emit Emit
	// Forward is false if nobody listens.
	Forward bool
	// Raw says that those behind count on RawValue. NeedKey and NeedValue say that they use the decoded key and value.
	Raw                bool
	NeedKey, NeedValue bool
	// Places says that an InOrder further on wants to know where records stand.
	Places bool
	Next   Receiver[K, A]
}

// Aggregate keeps one value per key.
type Aggregate[K, V, A any] struct {
	Node
	step     Step[K, V, A]
	key      encoder[K]
	cache    *Cache[A]
	emission Emission[K, A]
	mutable  bool // the accumulator may be changed in place: nobody else may hold it
	out      Record[K, A]
	value    encoder[A]
}

// NewAggregate returns an aggregate over cache. keyRaw says that records bring along their key as k writes it.
func NewAggregate[K, V, A any](n Node, k serde.Serde[K], keyRaw bool, cache *Cache[A], step Step[K, V, A], e Emission[K, A]) *Aggregate[K, V, A] {
	return &Aggregate[K, V, A]{
		Node: n, step: step, key: newEncoder(k, keyRaw), cache: cache, emission: e,
		mutable: Mutable[A](), value: newEncoder(cache.serde, false),
	}
}

// Receive implements Receiver.
func (a *Aggregate[K, V, A]) Receive(r *Record[K, V]) error {
	if r.NoKey {
		a.drop(NullKey, r.Origin)
		return nil
	}
	if r.NoValue {
		a.drop(NullValue, r.Origin)
		return nil
	}
	key, err := a.key.bytes(r.RawKey, r.Key)
	if err != nil {
		return a.fail(r.Origin, encodeError("key", a.key.serde.Name(), err))
	}
	e, err := a.cache.get(key)
	if err != nil {
		return err
	}
	after, keep, err := a.step(e.value, e.has, r)
	if err != nil {
		return a.fail(r.Origin, err)
	}
	update(a.cache, e, after, keep, r, a.emission.Forward && a.emission.Emit == EmitUpdates)
	if !a.emission.Forward || a.emission.Emit != EmitEach {
		return nil
	}
	return a.each(e, key, r)
}

// update sets the entry's value as a record made it.
func update[K, V, A any](c *Cache[A], e *entry[A], after A, keep bool, r *Record[K, V], emit bool) {
	ts := r.Timestamp
	if e.has {
		ts = max(ts, e.ts)
	}
	e.value, e.has, e.ts, e.dirty = after, keep, ts, true
	touch(c, e, r, emit)
}

// each forwards an update at once.
func (a *Aggregate[K, V, A]) each(e *entry[A], key []byte, r *Record[K, V]) error {
	out := &a.out
	inherit(out, r)
	out.Key, out.RawKey = r.Key, key
	ok, err := result(a.Node, e, &a.value, a.mutable, &a.emission, out)
	if !ok {
		return err
	}
	return a.emission.Next.Receive(out)
}

// result sets the value of an output record to that of the entry, and its timestamp. ok is false if it could not be encoded and the
// error policy skips it.
func result[K, A any](n Node, e *entry[A], enc *encoder[A], mutable bool, m *Emission[K, A], out *Record[K, A]) (ok bool, err error) {
	out.Timestamp, out.Ref = e.ts, max(out.Ref, e.ts)
	out.NoValue, out.RawValue = !e.has, nil
	if !e.has {
		var none A
		out.Value = none
		return true, nil
	}
	out.Value = e.value
	if !m.Raw && !(mutable && m.NeedValue) {
		return true, nil
	}
	b, err := enc.bytes(nil, e.value)
	if err != nil {
		return false, n.fail(out.Origin, encodeError("value", enc.serde.Name(), err))
	}
	out.RawValue = b
	if mutable && m.NeedValue {
		if out.Value, err = enc.serde.Decode(b); err != nil {
			return false, n.fail(out.Origin, decodeError("value", enc.serde.Name(), err))
		}
	}
	return true, nil
}

// Flush implements Flusher.
func (a *Aggregate[K, V, A]) Flush() (bool, error) {
	return a.cache.flush(func(e *entry[A], key, raw []byte) error {
		return forward(a.cache, e, key, raw, a.mutable, a.key.serde, &a.emission, &a.out)
	})
}

// forward sends the pending update of an entry whose encoded value is raw.
func forward[K, A any](c *Cache[A], e *entry[A], key, raw []byte, mutable bool, k serde.Serde[K], m *Emission[K, A], out *Record[K, A]) error {
	out.RawKey, out.RawValue = key, raw
	out.Timestamp, out.Ref, out.Origin, out.Headers = e.ts, max(e.last.ref, e.ts), c.log.origin(e.last), c.log.recorded(e.id)
	if m.NeedKey {
		typed, err := k.Decode(key)
		if err != nil {
			return c.node.fail(out.Origin, decodeError("key", k.Name(), err))
		}
		out.Key = typed
	}
	if ok, err := c.forwardValue(e, raw, mutable, m.NeedValue, &out.Value, &out.NoValue); !ok {
		return err
	}
	return m.Next.Receive(out)
}

// forwardValue sets the value of a pending update: the live one, unless its owner may change it later.
func (c *Cache[A]) forwardValue(e *entry[A], raw []byte, mutable, need bool, v *A, missing *bool) (ok bool, err error) {
	*missing = raw == nil
	switch {
	case raw == nil:
		var none A
		*v = none
	case !need:
	case e.loaded && !mutable:
		*v = e.value
	default:
		if *v, err = c.decode(raw); err != nil {
			return false, err
		}
	}
	return true, nil
}
