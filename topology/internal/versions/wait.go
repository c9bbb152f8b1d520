package versions

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/kolkstream/kolk/internal/place"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/record"
)

// Wait holds records back until others are later by the grace, as Kafka Streams does before it
// joins them with a table: what it has seen is what it has held back. They go on in the order of
// timestamp, the bytes of the key, and arrival, with the record that makes them due. One that is
// later than the grace goes on at once, as do records without key or value.
//
// What has gone on is what lies before the store's mark, and what the end of a bounded run has
// closed.
type Wait[K, V any] struct {
	Node
	WaitOptions
	next     operator.Receiver[K, V]
	key      operator.Encoder[K]
	value    operator.Encoder[V]
	store    *state.Store
	cursor   operator.Cursor
	hand     func(key, row []byte) (bool, error) // made once
	least    int64                               // no record in the store is earlier
	full     bool                                // the rest waits for the next transaction
	at       []byte                              // how far it has gone on
	lo, hi   []byte
	buf, row []byte
	out      Record[K, V]
	heads    []operator.Header
	topic    string
	place    place.Place // of what comes
	stood    place.Place // of what has waited
}

// A stored record: version, flags, by how much its ref is later than its timestamp, where it comes
// from, its headers, its place, its key and its value. docs/format/state.md describes it.
const (
	waitVersion = 1
	waitHeaders = 1
	waitPlace   = 2
)

// WaitOptions are how records wait.
type WaitOptions struct {
	Clock    *operator.Clock
	Arrivals *operator.Clock // a counter, committed as clocks are
	Grace    int64           // milliseconds
	// KeyRaw and ValueRaw say that records bring along bytes of the serdes.
	KeyRaw, ValueRaw bool
	NeedKey          bool // the decoded key is used further on; the value is
	Branches         *place.Branches
}

// NewWait returns an operator before next that holds records back.
func NewWait[K, V any](n Node, o WaitOptions, k serde.Serde[K], v serde.Serde[V], next operator.Receiver[K, V]) *Wait[K, V] {
	w := &Wait[K, V]{
		Node: n, WaitOptions: o, next: next,
		key: operator.NewEncoder("key", k, o.KeyRaw), value: operator.NewEncoder("value", v, o.ValueRaw), store: n.Task.Store(n.Name),
	}
	w.hand = w.handOn
	// The end of a bounded run hands on all.
	if ended := n.Task.ClosedThrough(); ended != record.NoTime {
		w.at = binary.BigEndian.AppendUint64(w.at, uint64(min(ended, math.MaxInt64-1)+1))
	}
	if mark := n.Task.Mark(n.Name); bytes.Compare(w.at, mark) < 0 {
		w.at = append(w.at[:0], mark...)
	}
	if len(w.at) != 0 {
		w.store.DeleteRange(nil, w.at)
	}
	return w
}

// Receive implements operator.Receiver.
func (w *Wait[K, V]) Receive(r *Record[K, V]) error {
	if r.NoKey || r.NoValue {
		return w.pass(nil, r)
	}
	key, err := w.key.Bytes(r.RawKey, r.Key)
	if err != nil {
		return w.Fail(r.Origin, err)
	}
	if now := w.Clock.Time(); now != record.NoTime && r.Timestamp < now-w.Grace {
		return w.pass(key, r)
	}
	*w.Arrivals++
	w.buf = place.AppendEnded(binary.BigEndian.AppendUint64(w.buf[:0], uint64(r.Timestamp)), key)
	w.buf = binary.BigEndian.AppendUint64(w.buf, uint64(*w.Arrivals)-1<<63)
	if bytes.Compare(w.buf, w.at) < 0 { // the last that has gone on had the same timestamp
		return w.pass(key, r)
	}
	if err := w.keep(key, r); err != nil {
		return err
	}
	w.Clock.See(r.Timestamp)
	return w.release()
}

// pass hands a record on at once, with what those that have waited have: the bytes of its key, and
// the value, typed, and the key if that is used.
func (w *Wait[K, V]) pass(key []byte, r *Record[K, V]) (err error) {
	out := &w.out
	*out = *r
	if out.Place = w.numbered(r); key != nil {
		out.RawKey = key
	}
	if w.ValueRaw && r.RawValue != nil {
		if out.Value, err = w.value.Serde.Decode(r.RawValue); err != nil {
			return w.Fail(r.Origin, operator.DecodeError("value", w.value.Serde.Name(), err))
		}
	}
	if w.KeyRaw && w.NeedKey && r.RawKey != nil {
		if out.Key, err = w.key.Serde.Decode(r.RawKey); err != nil {
			return w.Fail(r.Origin, operator.DecodeError("key", w.key.Serde.Name(), err))
		}
	}
	w.Branches.Enter()
	defer w.Branches.Leave()
	return w.next.Receive(out)
}

// numbered is the place of a record with its number among those that were made from the same one:
// others will come between them.
func (w *Wait[K, V]) numbered(r *Record[K, V]) *place.Place {
	if r.Place == nil {
		return nil
	}
	w.place.Bytes = w.Branches.Append(w.place.Bytes[:0], r.Place)
	return &w.place
}

// keep stores a record.
func (w *Wait[K, V]) keep(key []byte, r *Record[K, V]) error {
	value, err := w.value.Bytes(r.RawValue, r.Value)
	if err != nil {
		return w.Fail(r.Origin, err)
	}
	o := &r.Origin
	row := binary.AppendUvarint(append(w.row[:0], waitVersion, 0), uint64(max(0, r.Ref-r.Timestamp)))
	row = append(binary.AppendUvarint(row, uint64(len(o.Topic))), o.Topic...)
	row = binary.AppendUvarint(binary.AppendUvarint(row, uint64(o.Partition)), uint64(o.Offset))
	if len(r.Headers) != 0 {
		row[1] |= waitHeaders
		row = ops.AppendHeaders(row, r.Headers)
	}
	if p := w.numbered(r); p != nil {
		row[1] |= waitPlace
		row = append(binary.AppendUvarint(row, uint64(len(p.Bytes))), p.Bytes...)
	}
	row = append(binary.AppendUvarint(row, uint64(len(key))), key...)
	w.row = append(row, value...)
	w.store.Put(w.buf, w.row)
	w.least = min(w.least, r.Timestamp)
	return nil
}

// release hands on what is due, until the task is full.
func (w *Wait[K, V]) release() error {
	now := w.Clock.Time()
	if w.Task.Time() == record.EndOfTime {
		now = math.MaxInt64
	}
	if now == record.NoTime || w.least > now-w.Grace {
		w.full = false
		return nil
	}
	w.lo = append(w.lo[:0], w.at...)
	w.full = false
	w.hi = nil
	if now != math.MaxInt64 {
		w.hi = binary.BigEndian.AppendUint64(w.hi[:0], uint64(max(0, now-w.Grace+1)))
	}
	w.Branches.Enter()
	defer w.Branches.Leave()
	if err := w.cursor.Each(w.store, w.Name, w.lo, w.hi, w.hand); err != nil {
		return err
	}
	if !w.full {
		w.least = math.MaxInt64
		if now != math.MaxInt64 {
			w.least = now - w.Grace + 1
		}
	}
	if !bytes.Equal(w.lo, w.at) {
		w.store.DeleteRange(w.lo, w.at)
		w.Task.SetMark(w.Name, w.at, record.EndOfTime)
	}
	return nil
}

// handOn hands on a row. more is false if the rest has to wait.
func (w *Wait[K, V]) handOn(key, row []byte) (more bool, err error) {
	w.at = append(append(w.at[:0], key...), 0)
	if err := w.split(key, row); err != nil {
		return false, fmt.Errorf("store %s: %w: %w", w.Name, state.ErrCorrupt, err)
	}
	out := &w.out
	if out.Value, err = w.value.Serde.Decode(out.RawValue); err != nil {
		err = w.Fail(out.Origin, operator.DecodeError("value", w.value.Serde.Name(), err))
		return err == nil, err
	}
	if w.NeedKey {
		if out.Key, err = w.key.Serde.Decode(out.RawKey); err != nil {
			err = w.Fail(out.Origin, operator.DecodeError("key", w.key.Serde.Name(), err))
			return err == nil, err
		}
	}
	if err := w.next.Receive(out); err != nil {
		return false, err
	}
	w.full = w.Task.Full(len(key) + len(row))
	return !w.full, nil
}

// split takes a row apart.
func (w *Wait[K, V]) split(key, row []byte) error {
	if len(key) < 17 || len(row) < 2 || row[0] != waitVersion || row[1]&^(waitHeaders|waitPlace) != 0 {
		return fmt.Errorf("a record begins with %x", row[:min(2, len(row))])
	}
	out := &w.out
	out.Timestamp = int64(binary.BigEndian.Uint64(key))
	flags, rest, ok := row[1], row[2:], true
	number := func() (n uint64) {
		n, size := binary.Uvarint(rest)
		if size <= 0 {
			ok = false
			return 0
		}
		rest = rest[size:]
		return n
	}
	out.Ref = out.Timestamp + int64(number())
	var topic []byte
	if ok {
		topic, rest, ok = ops.Take(rest)
	}
	if w.topic != string(topic) {
		w.topic = string(topic)
	}
	out.Origin = operator.Origin{Topic: w.topic, Partition: int32(number()), Offset: int64(number())}
	out.NoKey, out.NoValue, out.Headers, out.Place = false, false, nil, nil
	if ok && flags&waitHeaders != 0 {
		if out.Headers, rest, ok = ops.TakeHeaders(w.heads[:0], rest); ok {
			w.heads = out.Headers
		}
	}
	if ok && flags&waitPlace != 0 {
		w.stood.Bytes, rest, ok = ops.Take(rest)
		out.Place = &w.stood
	}
	if ok {
		out.RawKey, out.RawValue, ok = ops.Take(rest)
	}
	if !ok {
		return fmt.Errorf("a record is cut off: %x", row)
	}
	out.RawValue = operator.Present(out.RawValue)
	return nil
}

// Flush implements operator.Flusher: it goes on with what did not fit into the transaction.
func (w *Wait[K, V]) Flush() (bool, error) {
	if w.Task.Postponed() {
		return false, nil
	}
	ends := w.Task.Time() == record.EndOfTime && w.least != math.MaxInt64
	if !w.full && !ends {
		return false, nil
	}
	err := w.release()
	if w.full {
		w.Task.Postpone()
	}
	return true, err
}
