package tables

import (
	"bytes"
	"context"
	"fmt"

	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// Regroup sends each change of a row to the groups that the row belongs to, as [Changes] writes it.
// A row that stays in its group is one change there. One that moves is two: first the group that it
// leaves, then the one that it comes to.
type Regroup[K, V, K2 any] struct {
	operator.Node
	// Group returns the key of a row's group; none if it is in none. A row on which it fails is in
	// none; the error goes to the error policy.
	Group   RowFunc[K, V, K2]
	Before  operator.Encoder[K2]
	After   operator.Encoder[K2]
	Changes Changes[V]
	Next    operator.Receiver[K2, []byte]
	buf     []byte
	out     operator.Record[K2, []byte]
}

// Receive implements operator.Receiver.
func (g *Regroup[K, V, K2]) Receive(r *operator.Record[K, operator.Change[V]]) error {
	if r.Value.Older {
		return nil
	}
	old, now := r.Value.Old, r.Value.New
	to, toKey, err := g.group(&g.After, r.Key, now)
	if err != nil {
		if err := g.Fail(r.Origin, err); err != nil {
			return err
		}
	}
	// An error was reported when the value was new.
	from, fromKey, _ := g.group(&g.Before, r.Key, old)
	if from.OK && to.OK && bytes.Equal(fromKey, toKey) {
		return g.send(r, to.Value, toKey, operator.Change[V]{Old: old, New: now})
	}
	if from.OK {
		if err := g.send(r, from.Value, fromKey, operator.Change[V]{Old: old}); err != nil {
			return err
		}
	}
	if to.OK {
		return g.send(r, to.Value, toKey, operator.Change[V]{New: now})
	}
	return nil
}

// group returns the key of the group of a row, and its bytes; none after an error.
func (g *Regroup[K, V, K2]) group(e *operator.Encoder[K2], key K, v Opt[V]) (to Opt[K2], b []byte, err error) {
	if to, err = g.Group.of(g.Task.Context(), key, v); !to.OK {
		return to, nil, err
	}
	if b, err = e.Bytes(nil, to.Value); err != nil {
		return Opt[K2]{}, nil, err
	}
	return to, b, nil
}

// send hands a change on to the group of that key.
func (g *Regroup[K, V, K2]) send(r *operator.Record[K, operator.Change[V]], key K2, b []byte, c operator.Change[V]) error {
	value, err := g.Changes.Append(g.buf[:0], c)
	if err != nil {
		return g.Fail(r.Origin, fmt.Errorf("encode a change of %s: %w", g.Changes.Of.Name(), err))
	}
	g.buf = value
	out := &g.out
	out.Key, out.RawKey, out.RawValue = key, b, value
	out.Timestamp, out.Ref, out.Headers, out.Origin, out.Place = r.Timestamp, r.Ref, r.Headers, r.Origin, r.Place
	return g.Next.Receive(out)
}

// Fold is how a grouped table's rows go into the aggregate of a group, and out of it.
type Fold[V, A any] struct {
	Add func(context.Context, Opt[A], V) (Opt[A], error)
	// Subtract is called for a group that has an aggregate.
	Subtract func(context.Context, A, V) (Opt[A], error)
}

// FoldStep is the aggregation of a grouped table: of each change, what was before is subtracted,
// then what is now is added. Where a function fails the aggregate stays as it was before the
// change.
func FoldStep[K, V, A any](task operator.Task, of Changes[V], f Fold[V, A]) ops.Step[K, []byte, A] {
	return func(before A, has bool, r *operator.Record[K, []byte]) (after A, keep bool, err error) {
		c, err := of.Decode(r.RawValue)
		if err != nil {
			return before, has, fmt.Errorf("decode a change of %s: %w", of.Of.Name(), err)
		}
		a := Opt[A]{Value: before, OK: has}
		if old := c.Old; old.OK && a.OK {
			if a, err = f.Subtract(task.Context(), a.Value, old.Value); err != nil {
				return before, has, err
			}
			if !a.OK {
				a = Opt[A]{}
			}
		}
		if now := c.New; now.OK {
			if a, err = f.Add(task.Context(), a, now.Value); err != nil {
				return before, has, err
			}
		}
		if !a.OK {
			var none A
			return none, false, nil
		}
		return a.Value, true, nil
	}
}
