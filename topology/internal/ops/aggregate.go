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

// Step computes an aggregate from the one before (has is false if there is none) and a record with
// key and value. It may change the one before and return it. keep is false if there is to be none
// any more.
type Step[K, V, A any] func(before A, has bool, r *Record[K, V]) (after A, keep bool, err error)

// Aggregate keeps one value per key.
type Aggregate[K, V, A any] struct {
	keyed[K]
	step  Step[K, V, A]
	cache *Cache[A]
	emit  emitter[K, A]
}

// NewAggregate returns an aggregate over cache. keyRaw says that records bring along their key as k
// writes it.
func NewAggregate[K, V, A any](n Node, k serde.Serde[K], keyRaw bool, cache *Cache[A], step Step[K, V, A], e Emission[K, A]) *Aggregate[K, V, A] {
	return &Aggregate[K, V, A]{
		keyed: newKeyed(n, k, keyRaw), step: step, cache: cache,
		emit: newEmitter(n, cache, e, k),
	}
}

// Receive implements Receiver.
func (a *Aggregate[K, V, A]) Receive(r *Record[K, V]) error {
	key, ok, err := keyOf(&a.keyed, r, false)
	if !ok {
		return err
	}
	e, err := a.cache.get(key)
	if err != nil {
		return err
	}
	after, keep, err := a.step(e.value, e.has, r)
	if err != nil {
		return a.fail(r.Origin, err)
	}
	update(a.cache, e, after, keep, r, a.emit.atCommit())
	if !a.emit.atOnce() {
		return nil
	}
	out := &a.emit.out
	inherit(out, r)
	out.Key, out.RawKey = r.Key, key
	return a.emit.each(e)
}

// Flush implements Flusher.
func (a *Aggregate[K, V, A]) Flush() (bool, error) { return a.cache.flush(a.emit.atLast) }

// update sets the entry's value as a record made it.
func update[K, V, A any](c *Cache[A], e *entry[A], after A, keep bool, r *Record[K, V], emit bool) {
	ts := r.Timestamp
	if e.has {
		ts = max(ts, e.ts)
	}
	e.value, e.has, e.ts, e.dirty = after, keep, ts, true
	touch(c, e, r, emit)
}
