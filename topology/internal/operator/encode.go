package operator

import (
	"fmt"

	"github.com/kolkstream/kolk/serde"
)

// Encoder yields the bytes of a key or value: those it came as, where they are of the same serde,
// else its encoding in a buffer that the next call uses again.
type Encoder[T any] struct {
	what  string // it encodes, for errors
	Serde serde.Serde[T]
	raw   bool // the bytes that come with the record are of this serde
	buf   []byte
}

// NewEncoder returns an encoder. Its results are never nil.
func NewEncoder[T any](what string, s serde.Serde[T], raw bool) Encoder[T] {
	return Encoder[T]{what: what, Serde: s, raw: raw, buf: make([]byte, 0, 32)}
}

func (e *Encoder[T]) Bytes(raw []byte, v T) ([]byte, error) {
	if e.raw && raw != nil {
		return raw, nil
	}
	b, err := e.Serde.Append(e.buf[:0], v)
	if err != nil {
		return nil, EncodeError(e.what, e.Serde.Name(), err)
	}
	e.buf = Present(b)
	return e.buf, nil
}

// Present returns b, or an empty slice for nil: bytes that are there are never nil, because nil
// says that there is no key, no value. Copies of empty bytes and what a serde has appended to
// nothing are nil easily.
func Present(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Clone returns a copy of a value that shares no memory with it.
func (e *Encoder[T]) Clone(raw []byte, v T) (T, error) {
	b, err := e.Bytes(raw, v)
	if err != nil {
		var none T
		return none, err
	}
	return e.Serde.Decode(b)
}

// EncodeError and decodeError say what went wrong with which serde.
func EncodeError(what, serde string, err error) error {
	return fmt.Errorf("encode %s as %s: %w", what, serde, err)
}

func DecodeError(what, serde string, err error) error {
	return fmt.Errorf("decode %s as %s: %w", what, serde, err)
}
