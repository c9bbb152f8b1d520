package suppress

import (
	"encoding/binary"
	"fmt"

	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/windows"
)

// Keys makes bytes of keys, by whose order those of one time come out, and keys of these.
type Keys[K any] interface {
	// Append appends the bytes of a key that raw may be the bytes of.
	Append(dst, raw []byte, k K) ([]byte, error)
	// Decode returns the bytes that come along with a key, if any do, and sets it if need says so.
	Decode(b []byte, need bool, k *K) (raw []byte, err error)
	// End returns the end of a key's window, 0 without windows.
	End(k K) int64
}

// NewKeys returns the keys of a table without windows.
func NewKeys[K any](of operator.Encoder[K]) Keys[K] { return &plain[K]{of} }

type plain[K any] struct{ of operator.Encoder[K] }

func (p *plain[K]) Append(dst, raw []byte, k K) ([]byte, error) {
	b, err := p.of.Bytes(raw, k)
	return append(dst, b...), err
}

func (p *plain[K]) Decode(b []byte, need bool, k *K) (raw []byte, err error) {
	return b, decode(&p.of, b, need, k)
}

func (p *plain[K]) End(K) int64 { return 0 }

// NewWindowKeys returns the keys of a windowed table: the length of the window, the key, and the
// start; of sessions the key, the end and the start. Times are 8 bytes. That is the order of Kafka
// Streams for windows of one length, also of keys of which one begins with the other.
func NewWindowKeys[K any](of operator.Encoder[K], sessions bool) Keys[windows.Windowed[K]] {
	return &windowed[K]{of, sessions}
}

type windowed[K any] struct {
	of       operator.Encoder[K]
	sessions bool
}

func (w *windowed[K]) Append(dst, _ []byte, k windows.Windowed[K]) ([]byte, error) {
	b, err := w.of.Bytes(nil, k.Key)
	if !w.sessions {
		dst = binary.BigEndian.AppendUint64(dst, uint64(k.Window.End-k.Window.Start))
	}
	dst = append(dst, b...)
	if w.sessions {
		dst = binary.BigEndian.AppendUint64(dst, uint64(k.Window.End))
	}
	return binary.BigEndian.AppendUint64(dst, uint64(k.Window.Start)), err
}

func (w *windowed[K]) Decode(b []byte, need bool, k *windows.Windowed[K]) (raw []byte, err error) {
	n := len(b) - 16
	if n < 0 {
		return nil, fmt.Errorf("key %x has no window", b)
	}
	k.Window.Start = int64(binary.BigEndian.Uint64(b[n+8:]))
	if w.sessions {
		k.Window.End = int64(binary.BigEndian.Uint64(b[n:]))
		b = b[:n:n]
	} else {
		k.Window.End = k.Window.Start + int64(binary.BigEndian.Uint64(b))
		b = b[8 : n+8 : n+8]
	}
	return nil, decode(&w.of, b, need, &k.Key)
}

func (w *windowed[K]) End(k windows.Windowed[K]) int64 { return k.Window.End }

// decode decodes a key, if need says so.
func decode[K any](of *operator.Encoder[K], b []byte, need bool, k *K) (err error) {
	if !need {
		return nil
	}
	if *k, err = of.Serde.Decode(b); err != nil {
		return operator.DecodeError("key", of.Serde.Name(), err)
	}
	return nil
}
