package sessions

import (
	"github.com/kolkstream/kolk/internal/place"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/windows"
)

// sender forwards windows of keys.
type sender[K, A any] struct {
	ops.Emission[windows.Windowed[K], A]
	node    Node
	key     serde.Serde[K]
	value   operator.Encoder[A]
	mutable bool // the value may be changed in place: nobody else may hold it
	out     Record[windows.Windowed[K], A]
	changed Record[windows.Windowed[K], operator.Change[A]]
	place   place.Place
}

func newSender[K, A any](n Node, e ops.Emission[windows.Windowed[K], A], k serde.Serde[K], v serde.Serde[A]) sender[K, A] {
	return sender[K, A]{Emission: e, node: n, key: k, value: operator.NewEncoder("value", v, false), mutable: operator.Mutable[A]()}
}

// atOnce and atCommit say when updates are forwarded, if they are.
func (m *sender[K, A]) atOnce() bool   { return m.Forward && m.Emit == ops.EmitEach }
func (m *sender[K, A]) atCommit() bool { return m.Forward && m.Emit == ops.EmitUpdates }

// asked reports whether somebody wants to know what was before. Then that is left as it is.
func (m *sender[K, A]) asked() bool { return m.Forward && m.Changes != nil }

// send forwards the value of a window, for which out has all but the window and the value. old is
// what was forwarded before.
func (m *sender[K, A]) send(b bounds, v A, ts int64, old operator.Opt[A]) error {
	out := &m.out
	m.window(b, ts)
	out.NoValue, out.Value, out.RawValue = false, v, nil
	copies := m.mutable && (m.NeedValue || m.Changes != nil)
	if m.Raw || copies {
		raw, err := m.value.Bytes(nil, v)
		if err != nil {
			return m.node.Fail(out.Origin, err)
		}
		out.RawValue = raw
		if copies {
			if out.Value, err = m.value.Serde.Decode(raw); err != nil {
				return m.node.Fail(out.Origin, operator.DecodeError("value", m.value.Serde.Name(), err))
			}
		}
	}
	return m.forward(old)
}

// takeBack forwards that a window is no more.
func (m *sender[K, A]) takeBack(b bounds, ts int64, old operator.Opt[A]) error {
	var none A
	m.window(b, ts)
	m.out.NoValue, m.out.Value, m.out.RawValue = true, none, nil
	return m.forward(old)
}

// forward forwards what is in out.
func (m *sender[K, A]) forward(old operator.Opt[A]) error {
	out := &m.out
	if m.Changes == nil {
		return m.Next.Receive(out)
	}
	c := &m.changed
	operator.InheritKey(c, out)
	c.Value, c.RawValue = operator.Change[A]{Old: old, New: operator.Opt[A]{Value: out.Value, OK: !out.NoValue}}, out.RawValue
	return m.Changes.Receive(c)
}

func (m *sender[K, A]) window(b bounds, ts int64) {
	out := &m.out
	out.Key.Window = Window{Start: b.start, End: b.end}
	out.RawKey, out.NoKey = nil, false
	out.Timestamp, out.Ref = ts, max(out.Ref, ts)
}

// setKey sets the key from that of the store. ok is false if it could not be decoded and the error
// policy skips what it is for.
func (m *sender[K, A]) setKey(key []byte) (ok bool, err error) {
	if m.NeedKey {
		if m.out.Key.Key, err = m.key.Decode(operator.Present(key)); err != nil {
			return false, m.node.Fail(m.out.Origin, operator.DecodeError("key", m.key.Name(), err))
		}
	}
	return true, nil
}

// final forwards a value that time has made and nobody else holds. Origin and headers are those of
// the record that has moved the time, if one has.
func (m *sender[K, A]) final(key []byte, b bounds, v A, ts int64) error {
	out := &m.out
	out.Place = nil
	if ok, err := m.setKey(key); !ok {
		return err
	}
	if m.Places {
		out.Place = &m.place
		m.place.OfWindow(m.node.Name, b.start, key, m.node.Task.Partition())
	}
	out.Ref = ts
	m.window(b, ts)
	out.NoValue, out.Value, out.RawValue = false, v, nil
	return m.forward(operator.Opt[A]{})
}
