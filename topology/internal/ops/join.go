package ops

import (
	"context"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// Joiner makes the result of a join from a record's value and the other side, which an inner join
// always has.
type Joiner[V, V2, R any] func(context.Context, V, Opt[V2]) (R, error)

// JoinTable looks up each record's key in a table of the same task. Only records make output. The
// table's present value counts; of a table with a history, the one that it had at the record's
// time.
type JoinTable[K, V, V2, R any] struct {
	Node
	key    operator.Encoder[K]
	table  Lookup[V2]
	asOf   operator.Versions[V2] // instead of table
	left   bool
	join   Joiner[V, V2, R]
	next   Receiver[K, R]
	out    Record[K, R]
	missed *int64
}

// NewJoinTable returns a join with a table. left says that records without match are joined with
// nothing.
func NewJoinTable[K, V, V2, R any](n Node, k serde.Serde[K], keyRaw bool, table Lookup[V2], left bool, join Joiner[V, V2, R], next Receiver[K, R]) *JoinTable[K, V, V2, R] {
	return &JoinTable[K, V, V2, R]{
		Node: n, key: operator.NewEncoder("key", k, keyRaw), table: table, left: left, join: join, next: next,
		missed: n.Task.Tally(n.Name, record.Unmatched),
	}
}

// NewJoinAsOf returns a join with a table that keeps its history.
func NewJoinAsOf[K, V, V2, R any](n Node, k serde.Serde[K], keyRaw bool, table operator.Versions[V2], left bool, join Joiner[V, V2, R], next Receiver[K, R]) *JoinTable[K, V, V2, R] {
	j := NewJoinTable(n, k, keyRaw, nil, left, join, next)
	j.asOf = table
	return j
}

// Receive implements Receiver.
func (j *JoinTable[K, V, V2, R]) Receive(r *Record[K, V]) error {
	if r.NoValue {
		j.Drop(record.NullValue, r.Origin)
		return nil
	}
	var other Opt[V2]
	switch {
	case !r.NoKey:
		key, err := j.key.Bytes(r.RawKey, r.Key)
		if err != nil {
			return j.Fail(r.Origin, err)
		}
		row, ok, err := j.row(key, r)
		if !ok {
			return err
		}
		other = row.Opt
	case !j.left:
		j.Drop(record.NullKey, r.Origin)
		return nil
	}
	return sendJoined(&j.Node, r, other, j.left, j.missed, j.join, &j.out, j.next)
}

// row looks a key up.
func (j *JoinTable[K, V, V2, R]) row(key []byte, r *Record[K, V]) (Row[V2], bool, error) {
	if j.asOf != nil {
		row, err := j.asOf.At(key, r.Timestamp, r.Ref)
		return row, err == nil, err
	}
	return j.table.Row(key, false, r.Origin)
}

// JoinGlobal looks up a key computed from each record's value in a global table.
type JoinGlobal[K, V, GK, GV, R any] struct {
	Node
	View *GlobalView[GK, GV]
	Key  func(context.Context, V) (GK, error)
	Left bool
	Join Joiner[V, GV, R]
	Next Receiver[K, R]
	// Missed counts records of a left join that find nothing.
	Missed *int64
	out    Record[K, R]
}

// Receive implements Receiver.
func (j *JoinGlobal[K, V, GK, GV, R]) Receive(r *Record[K, V]) error {
	if r.NoValue {
		j.Drop(record.NullValue, r.Origin)
		return nil
	}
	key, err := j.Key(j.Task.Context(), r.Value)
	if err != nil {
		return j.Fail(r.Origin, err)
	}
	other, fault, err := j.View.get(key)
	if err != nil {
		return err
	}
	if fault != nil {
		return j.Fail(r.Origin, fault)
	}
	return sendJoined(&j.Node, r, other, j.Left, j.Missed, j.Join, &j.out, j.Next)
}

// sendJoined joins and sends.
func sendJoined[K, V, V2, R any](n *Node, r *Record[K, V], other Opt[V2], left bool, missed *int64, join Joiner[V, V2, R], out *Record[K, R], next Receiver[K, R]) error {
	if !other.OK {
		if !left {
			n.Drop(record.NoMatch, r.Origin)
			return nil
		}
		*missed++
	}
	v, err := join(n.Task.Context(), r.Value, other)
	if err != nil {
		return n.Fail(r.Origin, err)
	}
	operator.InheritKey(out, r)
	out.Value = v
	return next.Receive(out)
}
