package ops

import (
	"github.com/kolkstream/kolk/internal/place"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/cache"
	"github.com/kolkstream/kolk/topology/internal/operator"
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
	// Next gets updates. Changes, if it is not nil, gets changes instead, of all that would go to
	// Next.
	Next    Receiver[K, A]
	Changes Receiver[K, Change[A]]
}

// Emitter forwards what an operator with a store has: each update at once, the last one of each key
// at the commit, or what there is in the end.
type Emitter[K, A any] struct {
	Emission[K, A]
	node    Node
	cache   *cache.Cache[A]
	mutable bool // the value may be changed in place: nobody else may hold it
	value   operator.Encoder[A]
	key     func(key []byte, need bool, to *K) error // sets a key from that of the store
	keyName string                                   // of its serde
	rawKey  bool                                     // the store's key is that of records
	Out     Record[K, A]
	changed Record[K, Change[A]]
}

// NewEmitter returns the emitter of an operator over cache, whose keys are those of records.
func NewEmitter[K, A any](n Node, c *cache.Cache[A], e Emission[K, A], k serde.Serde[K]) Emitter[K, A] {
	m := KeyEmitter(n, c, e, k.Name(), func(key []byte, need bool, to *K) (err error) {
		if need {
			*to, err = k.Decode(key)
		}
		return err
	})
	m.rawKey = true
	return m
}

// KeyEmitter returns an emitter for keys that key sets, by the serde of that name.
func KeyEmitter[K, A any](n Node, c *cache.Cache[A], e Emission[K, A], name string, key func([]byte, bool, *K) error) Emitter[K, A] {
	if e.Changes != nil {
		c.Track(nil)
	}
	return Emitter[K, A]{
		Emission: e, node: n, cache: c, mutable: operator.Mutable[A](), value: operator.NewEncoder("value", c.Serde, false), key: key, keyName: name,
	}
}

// AtOnce and atCommit say when updates are forwarded, if they are.
func (m *Emitter[K, A]) AtOnce() bool   { return m.Forward && m.Emit == EmitEach }
func (m *Emitter[K, A]) AtCommit() bool { return m.Forward && m.Emit == EmitUpdates }

// Remember keeps what an entry has before it is updated, if somebody asks for changes.
func (m *Emitter[K, A]) Remember(e *cache.Entry[A]) error {
	if m.Changes == nil || m.Emit == EmitFinal {
		return nil
	}
	return m.cache.Remember(e)
}

// send hands on what is in Out, an update of e.
func (m *Emitter[K, A]) send(e *cache.Entry[A]) error {
	if m.Changes == nil {
		return m.Next.Receive(&m.Out)
	}
	old, err := m.cache.Before(e)
	if err != nil {
		return err
	}
	return m.Change(old)
}

// Change hands on what is in Out as a change of old.
func (m *Emitter[K, A]) Change(old Opt[A]) error { return m.change(old, false) }

// Older hands on what is in Out, which is older than what the row has: old.
func (m *Emitter[K, A]) Older(old Opt[A]) error { return m.change(old, true) }

func (m *Emitter[K, A]) change(old Opt[A], older bool) error {
	c := &m.changed
	operator.InheritKey(c, &m.Out)
	c.Value, c.RawValue = Change[A]{Old: old, New: Opt[A]{Value: m.Out.Value, OK: !m.Out.NoValue}, Older: older}, m.Out.RawValue
	return m.Changes.Receive(c)
}

// Each forwards the update of an entry. out has everything but value and timestamp.
func (m *Emitter[K, A]) Each(e *cache.Entry[A]) error {
	out := &m.Out
	out.Timestamp, out.Ref = e.TS, max(out.Ref, e.TS)
	out.NoValue, out.RawValue = !e.Has, nil
	switch {
	case !e.Has:
		var none A
		out.Value = none
	case !m.Raw && !(m.mutable && m.NeedValue) && m.Changes == nil:
		out.Value = e.Value
	default:
		b, err := m.value.Bytes(nil, e.Value)
		if err != nil {
			if m.Changes != nil { // nobody gets it, so it must not be what is old later
				if err := m.cache.Revert(e); err != nil {
					return err
				}
			}
			return m.node.Fail(out.Origin, err)
		}
		out.Value, out.RawValue = e.Value, b
		if m.mutable && m.NeedValue {
			if out.Value, err = m.value.Serde.Decode(b); err != nil {
				return m.node.Fail(out.Origin, operator.DecodeError("value", m.value.Serde.Name(), err))
			}
		}
	}
	return m.send(e)
}

// AtLast forwards the pending update of an entry, at the commit. raw is its encoded value, nil for
// none.
func (m *Emitter[K, A]) AtLast(e *cache.Entry[A], key, raw []byte) error {
	out, log := &m.Out, &m.cache.Log
	if ok, err := m.Stored(key, raw, e.TS, e.Last, log, e.ID); !ok {
		return err
	}
	if raw != nil && m.NeedValue {
		if e.Loaded && !m.mutable {
			out.Value = e.Value // the live one: its owner does not change it later
		} else if err := m.Decode(raw); err != nil {
			return err
		}
	}
	return m.send(e)
}

// Stored sets everything of an update that is in the store, but for its decoded value. ok is false
// if its key could not be decoded and the error policy skips it.
func (m *Emitter[K, A]) Stored(key, raw []byte, ts int64, u cache.Last, log *cache.Log, id int32) (ok bool, err error) {
	out := &m.Out
	out.RawKey, out.RawValue, out.NoValue = nil, raw, raw == nil
	if m.rawKey {
		out.RawKey = key
	}
	var none A
	out.Value = none
	out.Timestamp, out.Ref, out.Origin, out.Headers = ts, max(u.Ref, ts), log.Origin(u), log.Headers(id)
	return m.SetKey(key)
}

// SetKey sets the key from that of the store.
func (m *Emitter[K, A]) SetKey(key []byte) (ok bool, err error) {
	if m.rawKey && !m.NeedKey {
		return true, nil
	}
	if err := m.key(key, m.NeedKey, &m.Out.Key); err != nil {
		return false, m.node.Fail(m.Out.Origin, operator.DecodeError("key", m.keyName, err))
	}
	return true, nil
}

// Decode sets the value to what raw is.
func (m *Emitter[K, A]) Decode(raw []byte) (err error) {
	m.Out.Value, err = m.cache.Decode(raw)
	return err
}

// Final forwards a value that time has made, so that its own timestamp is its ref. place is where
// it stands, if somebody wants to know. Origin and headers of Out are those of the record that has
// moved the time, if one has.
func (m *Emitter[K, A]) Final(key []byte, v A, ts int64, place *place.Place) error {
	out := &m.Out
	if ok, err := m.SetKey(key); !ok {
		return err
	}
	out.Value, out.Timestamp, out.Ref, out.Place = v, ts, ts, place
	if m.Changes != nil {
		return m.Change(Opt[A]{})
	}
	return m.Next.Receive(out)
}
