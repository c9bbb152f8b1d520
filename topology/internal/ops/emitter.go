package ops

import (
	"github.com/kolkstream/kolk/internal/place"
	"github.com/kolkstream/kolk/serde"
)

// Emission is how an operator with a store forwards what is in it.
type Emission[K, A any] struct {
	Emit Emit
	// Forward is false if nobody listens.
	Forward bool
	// Raw says that those behind count on RawValue. NeedKey and NeedValue say that they use the
	// decoded key and value.
	Raw                bool
	NeedKey, NeedValue bool
	// Places says that an InOrder further on wants to know where records stand.
	Places bool
	Next   Receiver[K, A]
}

// emitter forwards what an operator with a store has: each update at once, the last one of each key
// at the commit, or what there is in the end.
type emitter[K, A any] struct {
	Emission[K, A]
	node    Node
	cache   *Cache[A]
	mutable bool // the value may be changed in place: nobody else may hold it
	value   encoder[A]
	key     func(key []byte, need bool, to *K) error // sets a key from that of the store
	keyName string                                   // of its serde
	rawKey  bool                                     // the store's key is that of records
	out     Record[K, A]
}

// newEmitter returns the emitter of an operator over cache, whose keys are those of records.
func newEmitter[K, A any](n Node, cache *Cache[A], e Emission[K, A], k serde.Serde[K]) emitter[K, A] {
	m := keyEmitter(n, cache, e, k.Name(), func(key []byte, need bool, to *K) (err error) {
		if need {
			*to, err = k.Decode(key)
		}
		return err
	})
	m.rawKey = true
	return m
}

// keyEmitter returns an emitter for keys that key sets, by the serde of that name.
func keyEmitter[K, A any](n Node, cache *Cache[A], e Emission[K, A], name string, key func([]byte, bool, *K) error) emitter[K, A] {
	return emitter[K, A]{
		Emission: e, node: n, cache: cache, mutable: Mutable[A](), value: newEncoder("value", cache.serde, false), key: key, keyName: name,
	}
}

// atOnce and atCommit say when updates are forwarded, if they are.
func (m *emitter[K, A]) atOnce() bool   { return m.Forward && m.Emit == EmitEach }
func (m *emitter[K, A]) atCommit() bool { return m.Forward && m.Emit == EmitUpdates }

// each forwards the update of an entry. out has everything but value and timestamp.
func (m *emitter[K, A]) each(e *entry[A]) error {
	out := &m.out
	out.Timestamp, out.Ref = e.ts, max(out.Ref, e.ts)
	out.NoValue, out.RawValue = !e.has, nil
	switch {
	case !e.has:
		var none A
		out.Value = none
	case !m.Raw && !(m.mutable && m.NeedValue):
		out.Value = e.value
	default:
		b, err := m.value.bytes(nil, e.value)
		if err != nil {
			return m.node.fail(out.Origin, err)
		}
		out.Value, out.RawValue = e.value, b
		if m.mutable && m.NeedValue {
			if out.Value, err = m.value.serde.Decode(b); err != nil {
				return m.node.fail(out.Origin, decodeError("value", m.value.serde.Name(), err))
			}
		}
	}
	return m.Next.Receive(out)
}

// atLast forwards the pending update of an entry, at the commit. raw is its encoded value, nil for
// none.
func (m *emitter[K, A]) atLast(e *entry[A], key, raw []byte) error {
	out, log := &m.out, &m.cache.log
	if ok, err := m.stored(key, raw, e.ts, e.last, log, e.id); !ok {
		return err
	}
	if raw != nil && m.NeedValue {
		if e.loaded && !m.mutable {
			out.Value = e.value // the live one: its owner does not change it later
		} else if err := m.decode(raw); err != nil {
			return err
		}
	}
	return m.Next.Receive(out)
}

// stored sets everything of an update that is in the store, but for its decoded value. ok is false
// if its key could not be decoded and the error policy skips it.
func (m *emitter[K, A]) stored(key, raw []byte, ts int64, u lastUpdate, log *updateLog, id int32) (ok bool, err error) {
	out := &m.out
	out.RawKey, out.RawValue, out.NoValue = nil, raw, raw == nil
	if m.rawKey {
		out.RawKey = key
	}
	var none A
	out.Value = none
	out.Timestamp, out.Ref, out.Origin, out.Headers = ts, max(u.ref, ts), log.origin(u), log.recorded(id)
	return m.setKey(key)
}

// setKey sets the key from that of the store.
func (m *emitter[K, A]) setKey(key []byte) (ok bool, err error) {
	if m.rawKey && !m.NeedKey {
		return true, nil
	}
	if err := m.key(key, m.NeedKey, &m.out.Key); err != nil {
		return false, m.node.fail(m.out.Origin, decodeError("key", m.keyName, err))
	}
	return true, nil
}

// decode sets the value to what raw is.
func (m *emitter[K, A]) decode(raw []byte) (err error) {
	m.out.Value, err = m.cache.decode(raw)
	return err
}

// final forwards a value that time has made, so that its own timestamp is its ref. place is where
// it stands, if somebody wants to know.
func (m *emitter[K, A]) final(key []byte, v A, ts int64, place *place.Place) error {
	out := &m.out
	out.Origin = Origin{}
	if ok, err := m.setKey(key); !ok {
		return err
	}
	out.Value, out.Timestamp, out.Ref, out.Place = v, ts, ts, place
	return m.Next.Receive(out)
}
