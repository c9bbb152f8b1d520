package ops

import (
	"fmt"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

const globalOverhead = 256 // about what a decoded row costs beside its key and value

// GlobalView is a task's view of a global table: it decodes what it looks up and keeps that, as
// long as the table does not change.
type GlobalView[K, V any] struct {
	global  Global
	name    string
	key     operator.Encoder[K]
	value   serde.Serde[V]
	budget  int64
	version uint64
	seen    map[string]Opt[V]
	used    int64
	buf     []byte
}

// NewGlobalView returns a view of the global table of that name.
func NewGlobalView[K, V any](task Task, name string, k serde.Serde[K], v serde.Serde[V]) *GlobalView[K, V] {
	return &GlobalView[K, V]{
		global: task.Global(name), name: name, key: operator.NewEncoder("key of "+name, k, false), value: v, budget: task.CacheBudget(),
		seen: make(map[string]Opt[V]),
	}
}

// get looks up a key. fault is what is wrong with the key or the value found; err means that
// reading failed.
func (g *GlobalView[K, V]) get(key K) (v Opt[V], fault, err error) {
	k, fault := g.key.Bytes(nil, key)
	if fault != nil {
		return v, fault, nil
	}
	// The version is read first: a change between it and Get makes the copy look older than it is.
	if now := g.global.Version(); now != g.version || g.used > g.budget {
		clear(g.seen)
		g.version, g.used = now, 0
	}
	if v, ok := g.seen[string(k)]; ok {
		return v, nil, nil
	}
	b, found, err := g.global.Get(g.buf[:0], k)
	if err != nil {
		return v, nil, fmt.Errorf("global table %s: %w", g.name, err)
	}
	g.buf = b
	if found {
		if v.Value, fault = g.value.Decode(operator.Present(b)); fault != nil {
			return Opt[V]{}, fmt.Errorf("global table %s: %w", g.name, operator.DecodeError("value", g.value.Name(), fault)), nil
		}
		v.OK = true
	}
	g.seen[string(k)] = v
	g.used += int64(globalOverhead + len(k) + len(b))
	return v, nil, nil
}

// GlobalReader is a global table as a processor reads it.
type GlobalReader[K, V any] struct {
	view  *GlobalView[K, V]
	stop  func(error)
	fault error // of every call
}

// NewGlobalReader returns the reader of a table. stop is told of errors that are no fault of a
// record.
func NewGlobalReader[K, V any](view *GlobalView[K, V], stop func(error)) *GlobalReader[K, V] {
	return &GlobalReader[K, V]{view: view, stop: stop}
}

// BrokenReader returns a reader that answers every call with err.
func BrokenReader[K, V any](err error) *GlobalReader[K, V] { return &GlobalReader[K, V]{fault: err} }

// Get returns the value of a key. ok is false if there is none.
func (g *GlobalReader[K, V]) Get(key K) (v V, ok bool, err error) {
	if g.fault != nil {
		return v, false, g.fault
	}
	found, fault, err := g.view.get(key)
	if err != nil {
		g.stop(err)
		return v, false, err
	}
	return found.Value, found.OK, fault
}
