package joins

import (
	"context"
	"fmt"

	"github.com/kolkstream/kolk/internal/place"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// Joiner makes the result of a join of the values that there are: at least one.
type Joiner[L, R, O any] func(context.Context, operator.Opt[L], operator.Opt[R]) (O, error)

// Join joins two streams.
type Join[K, L, R, O any] struct {
	core
	left  Input[K, L, R, O]
	right Input[K, R, L, O]
}

// New returns a join whose results go to next, and opens its stores.
func New[K, L, R, O any](n operator.Node, o Options, k serde.Serde[K], left serde.Serde[L], right serde.Serde[R], join Joiner[L, R, O], next operator.Receiver[K, O]) (*Join[K, L, R, O], error) {
	j := &Join[K, L, R, O]{core: core{Node: n, Options: o, rule: new(byRef), missed: n.Task.Tally(n.Name, record.Unmatched)}}
	if o.Clocks != nil {
		j.rule = newByClock(*o.Clocks)
	}
	j.left.init(&j.core, Left, k, left, right, func(ctx context.Context, l operator.Opt[L], r operator.Opt[R]) (O, error) { return join(ctx, l, r) }, next)
	j.right.init(&j.core, Right, k, right, left, func(ctx context.Context, r operator.Opt[R], l operator.Opt[L]) (O, error) { return join(ctx, l, r) }, next)
	return j, j.open()
}

// Left returns the receiver of the left side. keyRaw and valueRaw say that the bytes that records
// bring along are of the serdes of the join.
func (j *Join[K, L, R, O]) OfLeft(keyRaw, valueRaw bool) *Input[K, L, R, O] {
	return j.left.raw(keyRaw, valueRaw)
}

// OfRight is OfLeft for the right side.
func (j *Join[K, L, R, O]) OfRight(keyRaw, valueRaw bool) *Input[K, R, L, O] {
	return j.right.raw(keyRaw, valueRaw)
}

// Input is the receiver of one side: of values of M, which are joined with those of T.
type Input[K, M, T, O any] struct {
	c      *core
	side   Side
	key    operator.Encoder[K]
	mine   operator.Encoder[M]
	theirs serde.Serde[T]
	join   func(context.Context, operator.Opt[M], operator.Opt[T]) (O, error)
	next   operator.Receiver[K, O]

	each func(*match) error // pair
	r    *operator.Record[K, M]
	a    arrival
	sent bool // out has what all results of r have
	out  operator.Record[K, O]
	at   place.Place
}

func (in *Input[K, M, T, O]) init(c *core, s Side, k serde.Serde[K], mine serde.Serde[M], theirs serde.Serde[T], join func(context.Context, operator.Opt[M], operator.Opt[T]) (O, error), next operator.Receiver[K, O]) {
	in.c, in.side, in.theirs, in.join, in.next = c, s, theirs, join, next
	in.key, in.mine = operator.NewEncoder("key", k, false), operator.NewEncoder("value", mine, false)
	in.each = in.pair
	c.sides[s].send = in.alone
}

func (in *Input[K, M, T, O]) raw(key, value bool) *Input[K, M, T, O] {
	in.key = operator.NewEncoder("key", in.key.Serde, key)
	in.mine = operator.NewEncoder("value", in.mine.Serde, value)
	return in
}

// Receive implements Receiver.
func (in *Input[K, M, T, O]) Receive(r *operator.Record[K, M]) error {
	c, a := in.c, &in.a
	c.rule.moment(r.Timestamp)
	switch {
	case r.NoValue:
		return c.drop(record.NullValue, r.Origin)
	case r.NoKey && !c.sides[in.side].alone:
		return c.drop(record.NullKey, r.Origin)
	case r.NoKey:
		return in.keyless(r)
	}
	key, err := in.key.Bytes(r.RawKey, r.Key)
	if err != nil {
		return c.Fail(r.Origin, err)
	}
	*a = arrival{side: in.side, ts: r.Timestamp, ref: r.Ref, closes: c.Bounds.closes(in.side, r.Timestamp), key: key}
	reason, err := c.rule.admits(a, r.Origin, r.Headers)
	if err != nil {
		return err
	}
	if reason != "" {
		return c.drop(reason, r.Origin)
	}
	if a.value, err = in.mine.Bytes(r.RawValue, r.Value); err != nil {
		return c.Fail(r.Origin, err)
	}
	in.r, in.sent = r, false
	alone, err := c.join(a, in.each)
	if err != nil || !alone {
		return err
	}
	c.lone = lone{key: a.key, value: a.value, ts: a.ts, number: a.number, from: &r.Origin, headers: r.Headers}
	return in.alone(&c.lone)
}

// keyless sends a record without key, which meets nobody.
func (in *Input[K, M, T, O]) keyless(r *operator.Record[K, M]) error {
	*in.c.missed++
	v, err := in.join(in.c.Task.Context(), operator.Opt[M]{Value: r.Value, OK: true}, operator.Opt[T]{})
	if err != nil {
		return in.c.Fail(r.Origin, err)
	}
	operator.InheritKey(&in.out, r)
	in.out.Value = v
	return in.next.Receive(&in.out)
}

// pair sends the result of the record at hand and a match, if it counts.
func (in *Input[K, M, T, O]) pair(m *match) error {
	c, a, r, out := in.c, &in.a, in.r, &in.out
	if counts, err := c.meets(a, m); !counts || err != nil {
		return err
	}
	theirs, err := decode(in.theirs, c.sides[in.side.other()].name, m.value)
	if err != nil {
		return err
	}
	v, err := in.join(c.Task.Context(), operator.Opt[M]{Value: r.Value, OK: true}, operator.Opt[T]{Value: theirs, OK: true})
	if err != nil {
		return c.Fail(r.Origin, err)
	}
	if !in.sent {
		in.sent = true
		if ok, err := in.setKey(a.key, r.Origin); !ok {
			return err
		}
		out.Origin, out.Headers, out.Place = r.Origin, nil, nil
		if c.rule.headers() {
			out.Headers = r.Headers
		}
	}
	out.Value, out.Timestamp, out.Ref = v, max(a.ts, m.ts), max(a.ref, m.ref)
	if c.Branches != nil {
		in.place(a.key, joined(a.ts, a.number, a.value), joined(m.ts, m.number, m.value))
	}
	return in.hand()
}

// alone sends the result of a record that has found nothing.
func (in *Input[K, M, T, O]) alone(a *lone) error {
	c, out := in.c, &in.out
	*c.missed++
	var o operator.Origin
	if a.from != nil {
		o = *a.from
	}
	mine, err := decode(in.mine.Serde, c.sides[in.side].name, a.value)
	if err != nil {
		return err
	}
	v, err := in.join(c.Task.Context(), operator.Opt[M]{Value: mine, OK: true}, operator.Opt[T]{})
	if err != nil {
		return c.Fail(o, err)
	}
	if ok, err := in.setKey(a.key, o); !ok {
		return err
	}
	out.Value, out.Timestamp, out.Ref, out.Origin, out.Headers, out.Place = v, a.ts, a.ts, o, a.headers, nil
	if c.Branches != nil {
		in.place(a.key, joined(a.ts, a.number, a.value), place.Joined{})
	}
	return in.hand()
}

// setKey sets the key of the output. ok is false if it could not be decoded and the error policy
// skips what needs it.
func (in *Input[K, M, T, O]) setKey(key []byte, o operator.Origin) (ok bool, err error) {
	out := &in.out
	var none K
	out.Key, out.NoKey, out.RawKey = none, false, key
	if in.c.NeedKey {
		if out.Key, err = in.key.Serde.Decode(key); err != nil {
			return false, in.c.Fail(o, operator.DecodeError("key", in.key.Serde.Name(), err))
		}
	}
	return true, nil
}

// place says where the output stands.
func (in *Input[K, M, T, O]) place(key []byte, mine, theirs place.Joined) {
	if in.side == Right {
		mine, theirs = theirs, mine
	}
	in.at.OfJoined(in.c.Name, key, mine, theirs, in.c.Task.Partition())
	in.out.Place = &in.at
}

// hand hands the output on.
func (in *Input[K, M, T, O]) hand() error {
	if in.c.Branches == nil {
		return in.next.Receive(&in.out)
	}
	in.c.Branches.Enter()
	defer in.c.Branches.Leave()
	return in.next.Receive(&in.out)
}

func joined(ts int64, number uint32, value []byte) place.Joined {
	return place.Joined{There: true, Time: ts, Number: uint64(number), Value: value}
}

// decode decodes a stored value. Failing is fatal: the serde is not the one that wrote it.
func decode[V any](s serde.Serde[V], store string, b []byte) (V, error) {
	v, err := s.Decode(operator.Present(b))
	if err != nil {
		return v, fmt.Errorf("store %s: %w", store, operator.DecodeError("a stored value", s.Name(), err))
	}
	return v, nil
}
