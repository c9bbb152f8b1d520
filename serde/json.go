package serde

import (
	"bytes"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"sync"
)

// JSON is the serde of any type as JSON, by encoding/json/v2: no white space, object names match
// exactly, map keys sorted so that equal values give equal bytes. Options come after these
// defaults. Its name is "json".
//
// What does not depend on the value's own methods, strings, slices and maps is done without
// allocation.
func JSON[T any](opts ...json.Options) Serde[T] {
	all := append([]json.Options{json.Deterministic(true)}, opts...)
	return &jsonSerde[T]{opts: json.JoinOptions(all...)}
}

type jsonSerde[T any] struct {
	opts json.Options
	pool sync.Pool // *jsonScratch[T]
}

// jsonScratch is what one call needs on the heap: the value is handed to package json by pointer,
// which escapes.
type jsonScratch[T any] struct {
	value T
	buf   bytes.Buffer
	enc   *jsontext.Encoder
}

func (s *jsonSerde[T]) Name() string { return "json" }

func (s *jsonSerde[T]) Append(dst []byte, v T) ([]byte, error) {
	w := s.get()
	w.value = v
	// The encoder knows bytes.Buffer and writes into its free space, here the one of dst.
	w.buf = bufferOf(dst)
	w.enc.Reset(&w.buf, s.opts)
	err := json.MarshalEncode(w.enc, &w.value)
	dst = w.buf.Bytes()
	w.buf = bytes.Buffer{}
	if err != nil {
		// The encoder holds half a value: not to be used again.
		return nil, fmt.Errorf("serde: %w", err)
	}
	s.put(w)
	return dst[:len(dst)-1], nil // the encoder ends each value of a stream with a newline
}

func (s *jsonSerde[T]) Decode(src []byte) (T, error) {
	w := s.get()
	err := json.Unmarshal(src, &w.value, s.opts)
	v := w.value
	s.put(w)
	if err != nil {
		var zero T
		return zero, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return v, nil
}

// bufferOf is a function of its own because the compiler does not see in generic code that
// NewBuffer need not allocate.
func bufferOf(b []byte) bytes.Buffer { return *bytes.NewBuffer(b) }

func (s *jsonSerde[T]) get() *jsonScratch[T] {
	if w, ok := s.pool.Get().(*jsonScratch[T]); ok {
		return w
	}
	w := new(jsonScratch[T])
	w.enc = jsontext.NewEncoder(&w.buf)
	return w
}

func (s *jsonSerde[T]) put(w *jsonScratch[T]) {
	var zero T
	// the next Decode merges into it, and nobody shall keep the caller's memory alive
	w.value = zero
	s.pool.Put(w)
}
