package tables

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// Changes writes changes as Kafka Streams does in the repartition topics of grouped tables
// (KIP-904): the value and a last byte that says which one it is; of two values first the length of
// the new one, as a zigzag varint of at most 32 bits, then the new one and the old one.
type Changes[V any] struct {
	// Of writes the values.
	Of serde.Serde[V]
}

// The last byte of a change.
const (
	onlyOld = iota
	onlyNew
	oldAndNew
	// Those that Kafka Streams reads, and may write one day: a byte lies before the last one, which
	// says whether the new value is the latest of its key.
	onlyOldLatest
	onlyNewLatest
	oldAndNewLatest
)

// errNoChange is the error of a change without values, which nobody sends.
var errNoChange = errors.New("a change has neither an old value nor a new one")

// Append appends a change to dst. After an error what it returns is not used.
func (s Changes[V]) Append(dst []byte, c operator.Change[V]) (b []byte, err error) {
	switch {
	case c.Old.OK && c.New.OK:
		start := len(dst)
		if dst, err = s.Of.Append(dst, c.New.Value); err != nil {
			return dst, err
		}
		var length [binary.MaxVarintLen32]byte
		n := binary.PutUvarint(length[:], uint64(len(dst)-start)<<1)
		dst = slices.Insert(dst, start, length[:n]...)
		dst, err = s.Of.Append(dst, c.Old.Value)
		return append(dst, oldAndNew), err
	case c.New.OK:
		dst, err = s.Of.Append(dst, c.New.Value)
		return append(dst, onlyNew), err
	case c.Old.OK:
		dst, err = s.Of.Append(dst, c.Old.Value)
		return append(dst, onlyOld), err
	}
	return dst, errNoChange
}

// Decode returns the change that src encodes.
func (s Changes[V]) Decode(src []byte) (c operator.Change[V], err error) {
	if len(src) == 0 {
		return c, fmt.Errorf("%w: a change of no bytes", serde.ErrMalformed)
	}
	last := len(src) - 1
	kind, body := src[last], src[:last:last]
	if kind >= onlyOldLatest && kind <= oldAndNewLatest {
		if last == 0 {
			return c, fmt.Errorf("%w: a change of one byte, %d", serde.ErrMalformed, kind)
		}
		kind, body = kind-onlyOldLatest, src[:last-1:last-1]
	}
	switch kind {
	case onlyOld:
		c.Old, err = s.value(body)
	case onlyNew:
		c.New, err = s.value(body)
	case oldAndNew:
		length, n := binary.Uvarint(body)
		if n <= 0 || length&1 != 0 || length>>1 > uint64(len(body)-n) {
			return c, fmt.Errorf("%w: a change whose new value has another length than it says", serde.ErrMalformed)
		}
		cut := n + int(length>>1)
		if c.New, err = s.value(body[n:cut:cut]); err == nil {
			c.Old, err = s.value(body[cut:])
		}
	default:
		return c, fmt.Errorf("%w: a change that ends in %d", serde.ErrMalformed, kind)
	}
	return c, err
}

// value decodes a value that is there.
func (s Changes[V]) value(b []byte) (Opt[V], error) {
	v, err := s.Of.Decode(b)
	return Opt[V]{Value: v, OK: err == nil}, err
}

// Bytes is the serde of changes as topics hold them. Who writes and reads them does so with
// [Changes]; the serde gives the bytes a name.
type Bytes struct {
	// Of returns the name of the serde of the values. It is called when that has been found.
	Of func() string
}

// Name implements serde.Serde.
func (s Bytes) Name() string { return "change(" + s.Of() + ")" }

// Append implements serde.Serde.
func (Bytes) Append(dst, b []byte) ([]byte, error) { return append(dst, b...), nil }

// Decode implements serde.Serde.
func (Bytes) Decode(src []byte) ([]byte, error) { return bytes.Clone(src), nil }
