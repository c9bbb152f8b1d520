package windows

import (
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// StreamWindows makes a stream of the results of a windowed aggregate.
type StreamWindows[K, V, K2 any] struct {
	Key  func(Window, K) K2
	Next Receiver[K2, V]
	out  Record[K2, V]
}

// Receive implements Receiver.
func (s *StreamWindows[K, V, K2]) Receive(r *Record[Windowed[K], V]) error {
	out := &s.out
	operator.Inherit(out, r)
	out.Key = s.Key(r.Key.Window, r.Key.Key)
	out.Value, out.NoValue, out.RawValue = r.Value, r.NoValue, r.RawValue
	return s.Next.Receive(out)
}

// StreamWindowRecords makes a stream of the results of a windowed aggregate, with other values.
// Tombstones are dropped and counted.
type StreamWindowRecords[K, V, K2, V2 any] struct {
	Node
	Map  func(Window, K, V) (K2, V2, error)
	Next Receiver[K2, V2]
	out  Record[K2, V2]
}

// Receive implements Receiver.
func (s *StreamWindowRecords[K, V, K2, V2]) Receive(r *Record[Windowed[K], V]) error {
	if r.NoValue {
		s.Drop(record.NullValue, r.Origin)
		return nil
	}
	k, v, err := s.Map(r.Key.Window, r.Key.Key, r.Value)
	if err != nil {
		return s.Fail(r.Origin, err)
	}
	out := &s.out
	operator.Inherit(out, r)
	out.Key, out.Value = k, v
	return s.Next.Receive(out)
}
