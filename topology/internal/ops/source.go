package ops

import (
	"context"
	"time"

	"github.com/kolkstream/kolk/internal/place"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// EventTime says where a source takes the event time from. At most one field is set; the zero value
// stands for the message's own timestamp, and is what a tombstone has with FromValue and
// TryFromValue.
type EventTime[V any] struct {
	FromValue    func(V) time.Time
	TryFromValue func(context.Context, V) (time.Time, error)
	FromRecord   func(*Record[[]byte, V]) time.Time
	WallClock    bool
}

// Input is the source of one topic: it decodes what somebody behind it needs.
type Input[K, V any] struct {
	Node
	Key   serde.Serde[K]
	Value serde.Serde[V]
	// NeedKey and NeedValue say that the decoded key, the decoded value is used.
	NeedKey, NeedValue bool
	// Places says that an InOrder further on wants to know where records stand.
	Places bool
	Event  EventTime[V]
	Next   Receiver[K, V]

	out     Record[K, V]
	place   place.Place
	own     place.Place       // of a record that is made from the message at hand
	asked   Record[[]byte, V] // what FromRecord sees
	decoded bool              // out.Value is the value of the message whose Time was asked
}

// Time implements Source.
func (s *Input[K, V]) Time(m *Message) (at int64, usable bool, err error) {
	s.decoded = false
	ts := m.Timestamp
	e := &s.Event
	switch {
	case e.WallClock:
		ts, err = operator.FromTime(s.Task.Now())
	case e.FromValue != nil && m.Value != nil:
		if ok, err := s.decode(m); !ok {
			return 0, false, err
		}
		ts, err = operator.FromTime(e.FromValue(s.out.Value))
	case e.TryFromValue != nil && m.Value != nil:
		if ok, err := s.decode(m); !ok {
			return 0, false, err
		}
		var t time.Time
		if t, err = e.TryFromValue(s.Task.Context(), s.out.Value); err == nil {
			ts, err = operator.FromTime(t)
		}
	case e.FromRecord != nil:
		if m.Value != nil {
			if ok, err := s.decode(m); !ok {
				return 0, false, err
			}
		}
		s.asked = Record[[]byte, V]{
			Key: m.Key, NoKey: m.Key == nil, NoValue: m.Value == nil,
			Timestamp: ts, Ref: m.Ref, Headers: m.Headers, Origin: m.Origin, RawKey: m.Key, RawValue: m.Value,
		}
		if s.decoded {
			s.asked.Value = s.out.Value
		}
		ts, err = operator.FromTime(e.FromRecord(&s.asked))
	default:
		err = operator.CheckTime(ts)
	}
	if err != nil {
		return 0, false, s.Fail(m.Origin, err)
	}
	return ts, true, nil
}

// Receive implements Source.
func (s *Input[K, V]) Receive(m *Message) error {
	out := &s.out
	out.NoKey, out.NoValue = m.Key == nil, m.Value == nil
	out.RawKey, out.RawValue = m.Key, m.Value
	if s.NeedKey {
		if out.NoKey {
			var none K
			out.Key = none
		} else {
			k, err := s.Key.Decode(m.Key)
			if err != nil {
				return s.Fail(m.Origin, operator.DecodeError("key", s.Key.Name(), err))
			}
			out.Key = k
		}
	}
	if out.NoValue {
		var none V
		out.Value = none
	} else if s.NeedValue && !s.decoded {
		if ok, err := s.decode(m); !ok {
			return err
		}
	}
	s.decoded = false
	out.Timestamp, out.Ref, out.Headers, out.Origin = m.Timestamp, m.Ref, m.Headers, m.Origin
	if s.Places {
		if s.place.Bytes = m.Place; m.Place == nil {
			s.own.OfMessage(m.Origin.Topic, m.Origin.Partition, m.Origin.Offset)
			s.place.Bytes = s.own.Bytes
		}
		out.Place = &s.place
	}
	return s.Next.Receive(out)
}

// decode decodes the value. ok is false if it failed; err is then what the error policy says.
func (s *Input[K, V]) decode(m *Message) (ok bool, err error) {
	v, err := s.Value.Decode(m.Value)
	if err != nil {
		return false, s.Fail(m.Origin, operator.DecodeError("value", s.Value.Name(), err))
	}
	s.out.Value, s.decoded = v, true
	return true, nil
}

// Inputs are several sources of one topic: each gets every message. The first tells the time.
type Inputs []Source

// Time implements Source.
func (s Inputs) Time(m *Message) (int64, bool, error) { return s[0].Time(m) }

// Receive implements Source.
func (s Inputs) Receive(m *Message) error {
	for _, in := range s {
		if err := in.Receive(m); err != nil {
			return err
		}
	}
	return nil
}
