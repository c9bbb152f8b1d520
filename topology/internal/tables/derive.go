package tables

import (
	"context"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

type (
	// Opt is a value that may be missing.
	Opt[V any] = record.Opt[V]

	// RowFunc makes a row's value of another's; none if there is to be no row.
	RowFunc[K, V, V2 any] func(ctx context.Context, key K, v V) (Opt[V2], error)
)

// Derive hands on the changes of a table whose rows are made one by one of another's. A row on
// which the function fails is not in the table; the error goes to the error policy.
type Derive[K, V, V2 any] struct {
	operator.Node
	Make RowFunc[K, V, V2]
	// Filter says that values stay as they are, so that their bytes are good further on. What is
	// in the table neither before nor after is not handed on.
	Filter bool
	Next   operator.Receiver[K, operator.Change[V2]]
	out    operator.Record[K, operator.Change[V2]]
}

// Receive implements operator.Receiver.
func (d *Derive[K, V, V2]) Receive(r *operator.Record[K, operator.Change[V]]) error {
	after, err := makeRow(&d.Node, d.Make, r.Key, r.Value.New, r.Origin)
	if err != nil {
		return err
	}
	// An error was reported when the value was new.
	before, _ := d.Make.of(d.Task.Context(), r.Key, r.Value.Old)
	if d.Filter && !before.OK && !after.OK {
		return nil
	}
	out := &d.out
	like(out, r)
	if d.Filter && after.OK {
		out.RawValue = r.RawValue
	}
	out.Value = operator.Change[V2]{Old: before, New: after, Older: r.Value.Older}
	return d.Next.Receive(out)
}

// makeRow calls f for a value that is there. An error goes to the error policy; if that skips there
// is no row.
func makeRow[K, V, V2 any](n *operator.Node, f RowFunc[K, V, V2], key K, of Opt[V], o operator.Origin) (Opt[V2], error) {
	v, err := f.of(n.Task.Context(), key, of)
	if err != nil {
		return v, n.Fail(o, err)
	}
	return v, nil
}

// of returns what f makes of a value: none of none, and after an error.
func (f RowFunc[K, V, V2]) of(ctx context.Context, key K, v Opt[V]) (Opt[V2], error) {
	if !v.OK {
		return Opt[V2]{}, nil
	}
	made, err := f(ctx, key, v.Value)
	if err != nil || !made.OK { // then the value is the zero value, whatever f has returned
		return Opt[V2]{}, err
	}
	return made, nil
}

// like makes out a record like r, with no value yet.
func like[K, V, V2 any](out *operator.Record[K, V2], r *operator.Record[K, V]) {
	out.Key, out.RawKey, out.RawValue = r.Key, r.RawKey, nil
	out.Timestamp, out.Ref, out.Headers, out.Origin, out.Place = r.Timestamp, r.Ref, r.Headers, r.Origin, r.Place
}

// DeriveUpdates is Derive where nobody asks for old values: it needs none itself.
type DeriveUpdates[K, V, V2 any] struct {
	operator.Node
	Make RowFunc[K, V, V2]
	Next operator.Receiver[K, V2]
	out  operator.Record[K, V2]
}

// Receive implements operator.Receiver.
func (d *DeriveUpdates[K, V, V2]) Receive(r *operator.Record[K, V]) error {
	v, err := makeRow(&d.Node, d.Make, r.Key, Opt[V]{Value: r.Value, OK: !r.NoValue}, r.Origin)
	if err != nil {
		return err
	}
	out := &d.out
	like(out, r)
	out.Value, out.NoValue = v.Value, !v.OK
	return d.Next.Receive(out)
}

// Derived looks up rows that are made of another table's.
type Derived[K, V, V2 any] struct {
	operator.Node
	Of   operator.Lookup[V]
	Make RowFunc[K, V, V2]
	// Key decodes keys; nil where Make does not look at them.
	Key serde.Serde[K]
}

// Row implements operator.Lookup.
func (d *Derived[K, V, V2]) Row(key []byte, handedOn bool, o operator.Origin) (row operator.Row[V2], ok bool, err error) {
	of, ok, err := d.Of.Row(key, handedOn, o)
	if !ok || !of.OK {
		return row, ok, err
	}
	var k K
	if d.Key != nil {
		if k, err = d.Key.Decode(key); err != nil {
			return row, false, d.Fail(o, err)
		}
	}
	v, err := makeRow(&d.Node, d.Make, k, of.Opt, o)
	return operator.Row[V2]{Opt: v, Timestamp: of.Timestamp}, err == nil, err
}
