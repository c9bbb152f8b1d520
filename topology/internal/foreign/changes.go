package foreign

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// KeyFunc returns the foreign key of a row, or none.
type KeyFunc[K, V, K2 any] func(context.Context, K, V) (Opt[K2], error)

// Changes numbers the changes of the left table, and finds the foreign keys of the row before and
// now. A row whose foreign key cannot be computed, where the error policy skips that, is not there.
// An inner join has no use for rows without foreign key: they are not there either.
type Changes[K, V, K2 any] struct {
	operator.Node
	key      operator.Encoder[K]
	value    operator.Encoder[V]
	from, to operator.Encoder[K2]
	foreign  KeyFunc[K, V, K2]
	left     bool
	next     Receiver[K, Step]
	out      Record[K, Step]

	store  *state.Store
	read   bool
	number int64 // of the last change
	stored int64 // what the store has
	buf    []byte
}

// NewChanges returns the operator. store is the name of the store that has the number of the last
// change; left says that the join keeps rows that find nothing. keyRaw and valueRaw say that
// records bring along their key and value as the serdes write them.
func NewChanges[K, V, K2 any](n operator.Node, store string, k serde.Serde[K], keyRaw bool, v serde.Serde[V], valueRaw bool,
	k2 serde.Serde[K2], foreign KeyFunc[K, V, K2], left bool, next Receiver[K, Step]) *Changes[K, V, K2] {
	return &Changes[K, V, K2]{
		Node: n, key: operator.NewEncoder("key", k, keyRaw), value: operator.NewEncoder("value", v, valueRaw),
		from: operator.NewEncoder("foreign key", k2, false), to: operator.NewEncoder("foreign key", k2, false),
		foreign: foreign, left: left, next: next, store: n.Task.Store(store),
	}
}

// Receive implements operator.Receiver.
func (c *Changes[K, V, K2]) Receive(r *Record[K, Change[V]]) error {
	if r.Value.Older {
		return nil
	}
	key, err := c.key.Bytes(r.RawKey, r.Key)
	if err != nil {
		return c.Fail(r.Origin, err)
	}
	// An error was reported when the value was new: there was no row.
	from, was, _ := c.foreignKey(&c.from, r.Key, r.Value.Old)
	to, there, err := c.foreignKey(&c.to, r.Key, r.Value.New)
	var value []byte
	if err == nil && there {
		value, err = c.value.Bytes(r.RawValue, r.Value.New.Value)
	}
	if err != nil {
		if err := c.Fail(r.Origin, err); err != nil {
			return err
		}
		to, there = nil, false
	}
	if !was && !there {
		return nil
	}
	if err := c.count(); err != nil {
		return err
	}
	out := &c.out
	operator.InheritKey(out, r)
	out.Value = Step{Number: c.number, Key: key, From: from, To: to, There: there, Value: value}
	return c.next.Receive(out)
}

// foreignKey returns the foreign key of a row, nil for none, and whether the row is in the join.
func (c *Changes[K, V, K2]) foreignKey(e *operator.Encoder[K2], key K, v Opt[V]) (foreign []byte, there bool, err error) {
	if !v.OK {
		return nil, false, nil
	}
	k, err := c.foreign(c.Task.Context(), key, v.Value)
	if err != nil {
		return nil, false, err
	}
	if !k.OK {
		return nil, c.left, nil
	}
	foreign, err = e.Bytes(nil, k.Value)
	return foreign, err == nil, err
}

// count sets the number of the next change.
func (c *Changes[K, V, K2]) count() error {
	if !c.read {
		b, found, err := c.store.Get(c.buf[:0], nil)
		switch {
		case err != nil:
			return fmt.Errorf("join %s: %w", c.Name, err)
		case found && len(b) != 8:
			return fmt.Errorf("join %s: %w: a number of %d bytes", c.Name, state.ErrCorrupt, len(b))
		case found:
			c.number = int64(binary.BigEndian.Uint64(b))
		}
		c.read, c.stored, c.buf = true, c.number, b
	}
	c.number++
	return nil
}

// Flush implements operator.Flusher: it stores the number of the last change.
func (c *Changes[K, V, K2]) Flush() (bool, error) {
	if c.number == c.stored {
		return false, nil
	}
	c.buf = binary.BigEndian.AppendUint64(c.buf[:0], uint64(c.number))
	c.store.Put(nil, c.buf)
	c.stored = c.number
	return true, nil
}

// Subscribe makes subscriptions of steps, with the foreign key as key: the end of one, the
// beginning of one, or both.
type Subscribe[K, K2 any] struct {
	Next Receiver[K2, Subscription]
	out  Record[K2, Subscription]
}

// Receive implements operator.Receiver.
func (s *Subscribe[K, K2]) Receive(r *Record[K, Step]) error {
	step := &r.Value
	moved := step.From != nil && (step.To == nil || !bytes.Equal(step.From, step.To))
	out := &s.out
	operator.Inherit(out, r)
	if moved {
		out.RawKey = step.From
		out.Value = Subscription{Number: step.Number, Key: step.Key, Ends: true}
		if err := s.Next.Receive(out); err != nil {
			return err
		}
	}
	if step.To == nil {
		return nil
	}
	out.RawKey = step.To
	out.Value = Subscription{Number: step.Number, Key: step.Key, Say: moved}
	return s.Next.Receive(out)
}

// Tell tells of the left rows of steps.
type Tell[K any] struct {
	Next Receiver[K, Left]
	out  Record[K, Left]
}

// Receive implements operator.Receiver.
func (t *Tell[K]) Receive(r *Record[K, Step]) error {
	step := &r.Value
	out := &t.out
	operator.InheritKey(out, r)
	out.Value = Left{Number: step.Number, There: step.There, Value: step.Value, Answered: step.To != nil}
	return t.Next.Receive(out)
}
