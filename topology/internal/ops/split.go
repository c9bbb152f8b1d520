package ops

// Split sends each record to the first branch whose predicate accepts its value, or to the rest.
// Tombstones go to all of them.
type Split[K, V any] struct {
	When     []func(V) bool
	Branches []Receiver[K, V] // one for each predicate
	Rest     Receiver[K, V]
}

// Receive implements Receiver.
func (s *Split[K, V]) Receive(r *Record[K, V]) error {
	if r.NoValue {
		for _, to := range s.Branches {
			if err := to.Receive(r); err != nil {
				return err
			}
		}
		return s.Rest.Receive(r)
	}
	for i, when := range s.When {
		if when(r.Value) {
			return s.Branches[i].Receive(r)
		}
	}
	return s.Rest.Receive(r)
}
