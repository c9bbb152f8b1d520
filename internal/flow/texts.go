package flow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/kolkstream/kolk/serde"
)

// Texts are serdes of keys and values as JSON texts, for whoever knows a topic or a store by its
// name alone: scripts, test files.
type Texts struct{ Key, Value serde.Serde[json.RawMessage] }

// Texted is a serde whose values are written as JSON in a way of its own. Others are written as
// package encoding/json does.
type Texted[T any] interface {
	AppendJSON(dst []byte, v T) ([]byte, error)
	ParseJSON(text []byte) (T, error)
}

// TextsOf returns the serde of the JSON texts of what s writes and reads. A serde that is called
// json writes JSON itself: its texts are its bytes.
func TextsOf[T any](s serde.Serde[T]) serde.Serde[json.RawMessage] { return texts[T]{s} }

// texts makes a serde of T one of JSON texts.
type texts[T any] struct{ of serde.Serde[T] }

func (t texts[T]) Name() string { return t.of.Name() }

func (t texts[T]) Append(dst []byte, text json.RawMessage) ([]byte, error) {
	v, err := t.parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s is none of the serde %s: %w", text, t.of.Name(), err)
	}
	return t.of.Append(dst, v)
}

func (t texts[T]) parse(text []byte) (v T, err error) {
	if own, ok := t.of.(Texted[T]); ok {
		return own.ParseJSON(text)
	}
	if t.of.Name() == "json" {
		return t.of.Decode(text)
	}
	if string(bytes.TrimSpace(text)) == "null" {
		return v, errors.New("it has no null")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return v, errors.New("there is more behind the value")
	}
	return v, nil
}

func (t texts[T]) Decode(src []byte) (json.RawMessage, error) {
	v, err := t.of.Decode(src)
	if err != nil {
		return nil, err
	}
	if own, ok := t.of.(Texted[T]); ok {
		return own.AppendJSON(nil, v)
	}
	if t.of.Name() == "json" {
		return t.of.Append(nil, v)
	}
	return json.Marshal(v)
}
