package ops

import (
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/cache"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

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
	operator.Keyed[K]
	step  Step[K, V, A]
	cache *cache.Cache[A]
	emit  Emitter[K, A]
}

// NewAggregate returns an aggregate over cache. keyRaw says that records bring along their key as k
// writes it.
func NewAggregate[K, V, A any](n Node, k serde.Serde[K], keyRaw bool, c *cache.Cache[A], step Step[K, V, A], e Emission[K, A]) *Aggregate[K, V, A] {
	return &Aggregate[K, V, A]{
		Keyed: operator.NewKeyed(n, k, keyRaw), step: step, cache: c,
		emit: NewEmitter(n, c, e, k),
	}
}

// Receive implements Receiver.
func (a *Aggregate[K, V, A]) Receive(r *Record[K, V]) error {
	key, ok, err := operator.KeyOf(&a.Keyed, r, false)
	if !ok {
		return err
	}
	e, err := a.cache.Get(key)
	if err != nil {
		return err
	}
	if err := a.emit.Remember(e); err != nil {
		return a.Fail(r.Origin, err)
	}
	after, keep, err := a.step(e.Value, e.Has, r)
	if err != nil {
		return a.Fail(r.Origin, err)
	}
	cache.Update(a.cache, e, after, keep, r, a.emit.AtCommit())
	if !a.emit.AtOnce() {
		return nil
	}
	out := &a.emit.Out
	operator.Inherit(out, r)
	out.Key, out.RawKey = r.Key, key
	return a.emit.Each(e)
}

// Flush implements Flusher.
func (a *Aggregate[K, V, A]) Flush() (bool, error) { return a.cache.Flush(a.emit.AtLast) }
