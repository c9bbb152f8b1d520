package stores

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// Deduplicate drops a record if one with its key and id has passed within a time. It goes by Ref,
// which is a time at which the record came; so no record is late, and which ones of a source
// partition pass is a function of that partition. With Kafka Streams' rules it goes by the largest
// timestamp that it has seen.
//
// Each record that passes has a row with that time; the key of the row is that of a [Seen].
type Deduplicate[K, V, ID any] struct {
	operator.Keyed[K]
	rows       *Rows
	clock      *operator.Clock // nil: by Ref
	within     int64
	id         func(context.Context, *record.Record[K, V]) (ID, error)
	ids        operator.Encoder[ID]
	tombstones bool
	next       operator.Receiver[K, V]
	buf        []byte
}

// NewDeduplicate returns the operator over rows that are found for a millisecond more than within.
// clock is the one of the rows' rule. tombstones says that id is asked for records without value
// too; else they pass.
func NewDeduplicate[K, V, ID any](n operator.Node, k serde.Serde[K], keyRaw bool, rows *Rows, clock *operator.Clock, within int64, ids serde.Serde[ID], id func(context.Context, *record.Record[K, V]) (ID, error), tombstones bool, next operator.Receiver[K, V]) *Deduplicate[K, V, ID] {
	return &Deduplicate[K, V, ID]{
		Keyed: operator.NewKeyed(n, k, keyRaw), rows: rows, clock: clock, within: within,
		id: id, ids: operator.NewEncoder("id", ids, false), tombstones: tombstones, next: next,
	}
}

// Receive implements operator.Receiver.
func (d *Deduplicate[K, V, ID]) Receive(r *record.Record[K, V]) error {
	key, ok, err := operator.KeyOf(&d.Keyed, r, true)
	if !ok {
		return err
	}
	now := r.Ref
	if d.clock != nil {
		d.clock.See(r.Timestamp)
		now = d.clock.Time()
	}
	if r.NoValue && !d.tombstones {
		return d.next.Receive(r)
	}
	id, err := d.id(d.Task.Context(), r)
	if err != nil {
		return d.Fail(r.Origin, err)
	}
	b, err := d.ids.Bytes(nil, id)
	if err != nil {
		return d.Fail(r.Origin, err)
	}
	d.buf = appendSeen(d.buf[:0], key, b)
	seen, err := d.rows.Has(d.buf, now-d.within, now+d.within, now)
	switch {
	case err != nil:
		return err
	case seen:
		d.Drop(record.Duplicate, r.Origin)
		return nil
	}
	d.rows.Put(Times{now}, d.buf, nil, now)
	return d.next.Receive(r)
}

// Seen is a key and an id that have been seen together.
type Seen[K, ID any] struct {
	Key K
	ID  ID
}

// SeenSerde is the serde of [Seen]: the key behind its length, and the id.
type SeenSerde[K, ID any] struct {
	Key serde.Serde[K]
	ID  serde.Serde[ID]
}

func appendSeen(dst, key, id []byte) []byte {
	return append(append(binary.AppendUvarint(dst, uint64(len(key))), key...), id...)
}

// Name implements serde.Serde.
func (s SeenSerde[K, ID]) Name() string { return s.Key.Name() + "/" + s.ID.Name() }

// Append implements serde.Serde.
func (s SeenSerde[K, ID]) Append(dst []byte, v Seen[K, ID]) ([]byte, error) {
	key, err := s.Key.Append(nil, v.Key)
	if err != nil {
		return nil, err
	}
	id, err := s.ID.Append(nil, v.ID)
	return appendSeen(dst, key, id), err
}

// Decode implements serde.Serde.
func (s SeenSerde[K, ID]) Decode(src []byte) (v Seen[K, ID], err error) {
	n, size := binary.Uvarint(src)
	if size <= 0 || n > uint64(len(src)-size) {
		return v, errors.New("it is no key with an id")
	}
	key, id := src[size:size+int(n)], src[size+int(n):]
	if v.Key, err = s.Key.Decode(key); err == nil {
		v.ID, err = s.ID.Decode(id)
	}
	return v, err
}

// seenText is a Seen as JSON text.
type seenText struct {
	Key json.RawMessage `json:"key"`
	ID  json.RawMessage `json:"id"`
}

// AppendJSON implements flow.Texted.
func (s SeenSerde[K, ID]) AppendJSON(dst []byte, v Seen[K, ID]) ([]byte, error) {
	var text seenText
	key, err := s.Key.Append(nil, v.Key)
	if err == nil {
		text.Key, err = flow.TextsOf(s.Key).Decode(operator.Present(key))
	}
	if err != nil {
		return nil, err
	}
	id, err := s.ID.Append(nil, v.ID)
	if err == nil {
		text.ID, err = flow.TextsOf(s.ID).Decode(operator.Present(id))
	}
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(text)
	return append(dst, b...), err
}

// ParseJSON implements flow.Texted.
func (s SeenSerde[K, ID]) ParseJSON(b []byte) (v Seen[K, ID], err error) {
	var text seenText
	if err := json.Unmarshal(b, &text); err != nil {
		return v, err
	}
	if text.Key == nil || text.ID == nil {
		return v, fmt.Errorf("%s has no key or no id", b)
	}
	key, err := flow.TextsOf(s.Key).Append(nil, text.Key)
	if err != nil {
		return v, err
	}
	if v.Key, err = s.Key.Decode(operator.Present(key)); err != nil {
		return v, err
	}
	id, err := flow.TextsOf(s.ID).Append(nil, text.ID)
	if err != nil {
		return v, err
	}
	v.ID, err = s.ID.Decode(operator.Present(id))
	return v, err
}
