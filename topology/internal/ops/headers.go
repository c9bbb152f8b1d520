package ops

import "context"

// SetHeaders gives each record, tombstones too, the headers that are computed from all of it.
type SetHeaders[K, V any] struct {
	Node
	Headers func(context.Context, *Record[K, V]) ([]Header, error)
	Next    Receiver[K, V]
	out     Record[K, V]
}

// Receive implements Receiver.
func (s *SetHeaders[K, V]) Receive(r *Record[K, V]) error {
	headers, err := s.Headers(s.Task.Context(), r)
	if err != nil {
		return s.Fail(r.Origin, err)
	}
	s.out = *r
	s.out.Headers = headers
	return s.Next.Receive(&s.out)
}
