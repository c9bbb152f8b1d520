package topology

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
)

// anySerde is a serde of some type, given or to be found when the topology is built.
type anySerde interface {
	// serdeName returns the serde's name, or an error that says what it takes to have one. It is
	// called by Build.
	serdeName() (string, error)
	// of returns the type of its values.
	of() reflect.Type
	// columns returns the text of the columns of its values; "" for none.
	columns() string
	// texts returns the serde of its values as JSON. Build has found it.
	texts() serde.Serde[json.RawMessage]
}

// serdeRef is where the serde of a T comes from: the one given, else the one for its type.
type serdeRef[T any] struct {
	t     *Topology
	given serde.Serde[T]
	key   bool
	found serde.Serde[T] // set by Build, so that a plan does not change any more
}

// given returns a reference to a serde that the author gave. A nil one is a mistake, reported by
// the caller.
func given[T any](t *Topology, s serde.Serde[T], key bool) *serdeRef[T] {
	return &serdeRef[T]{t: t, given: s, key: key}
}

// derived returns the serde of a T that comes after a value of type P with serde before: the same
// if the type is.
func derived[T, P any](t *Topology, before *serdeRef[P], key bool) *serdeRef[T] {
	if same, ok := any(before).(*serdeRef[T]); ok {
		return same
	}
	return &serdeRef[T]{t: t, key: key}
}

// resolve returns the serde.
func (r *serdeRef[T]) resolve() (serde.Serde[T], error) {
	if r.found != nil {
		return r.found, nil
	}
	if !isNil(r.given) {
		return r.given, nil
	}
	typ := reflect.TypeFor[T]()
	if s, ok := r.t.serdes[typ].(*serdeRef[T]); ok {
		return s.given, nil
	}
	if s, ok := serde.For[T](); ok {
		return s, nil
	}
	if r.key {
		return nil, fmt.Errorf("keys of type %s need a serde of their own, for their bytes decide the partition: use WithKeySerde or KeySerde, or topology.Register", typ)
	}
	switch typ.Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice, reflect.Array:
		return serde.JSON[T](), nil
	case reflect.Pointer:
		if typ.Elem().Kind() == reflect.Struct {
			return serde.JSON[T](), nil
		}
	}
	return nil, fmt.Errorf("there is no serde for values of type %s: use WithValueSerde or ValueSerde, or topology.Register", typ)
}

// get returns the serde for a graph. Build has found all that operators need.
func (r *serdeRef[T]) get() serde.Serde[T] { return r.found }

func (r *serdeRef[T]) serdeName() (string, error) {
	s, err := r.resolve()
	if err != nil {
		return "", err
	}
	if r.found == nil { // set by Build; a plan only reads, for it is shared
		r.found = s
	}
	return s.Name(), nil
}

func (r *serdeRef[T]) of() reflect.Type { return reflect.TypeFor[T]() }

func (r *serdeRef[T]) columns() string {
	s, err := r.resolve()
	if err != nil {
		return ""
	}
	return columnsOf(s)
}

func (r *serdeRef[T]) texts() serde.Serde[json.RawMessage] { return flow.TextsOf(r.found) }

// KeyOption is an option where keys of K are made: [KeySerde].
type KeyOption[K any] func(*keyConfig[K])

type keyConfig[K any] struct{ serde serde.Serde[K] }

// KeySerde sets the serde of the new keys.
func KeySerde[K any](s serde.Serde[K]) KeyOption[K] {
	return func(c *keyConfig[K]) { c.serde = s }
}

// ValueOption is an option where values of V are made and stored: [ValueSerde].
type ValueOption[V any] func(*valueConfig[V])

type valueConfig[V any] struct{ serde serde.Serde[V] }

// ValueSerde sets the serde of the stored values.
func ValueSerde[V any](s serde.Serde[V]) ValueOption[V] {
	return func(c *valueConfig[V]) { c.serde = s }
}
