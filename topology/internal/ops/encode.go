package ops

import (
	"fmt"

	"github.com/kolkstream/kolk/serde"
)

// encoder yields the bytes of a key or value: those it came as, where they are of the same serde,
// else its encoding in a buffer that the next call uses again.
type encoder[T any] struct {
	what  string // it encodes, for errors
	serde serde.Serde[T]
	raw   bool // the bytes that come with the record are of this serde
	buf   []byte
}

// newEncoder returns an encoder. Its results are never nil.
func newEncoder[T any](what string, s serde.Serde[T], raw bool) encoder[T] {
	return encoder[T]{what: what, serde: s, raw: raw, buf: make([]byte, 0, 32)}
}

func (e *encoder[T]) bytes(raw []byte, v T) ([]byte, error) {
	if e.raw && raw != nil {
		return raw, nil
	}
	b, err := e.serde.Append(e.buf[:0], v)
	if err != nil {
		return nil, encodeError(e.what, e.serde.Name(), err)
	}
	e.buf = present(b)
	return e.buf, nil
}

// present returns b, or an empty slice for nil: bytes that are there are never nil, because nil
// says that there is no key, no value. Copies of empty bytes and what a serde has appended to
// nothing are nil easily.
func present(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// clone returns a copy of a value that shares no memory with it.
func (e *encoder[T]) clone(raw []byte, v T) (T, error) {
	b, err := e.bytes(raw, v)
	if err != nil {
		var none T
		return none, err
	}
	return e.serde.Decode(b)
}

// encodeError and decodeError say what went wrong with which serde.
func encodeError(what, serde string, err error) error {
	return fmt.Errorf("encode %s as %s: %w", what, serde, err)
}

func decodeError(what, serde string, err error) error {
	return fmt.Errorf("decode %s as %s: %w", what, serde, err)
}
