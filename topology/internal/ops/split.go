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

// SplitRecords is Split with predicates that see records.
type SplitRecords[K, V any] struct {
	Node
	When     []TakesRecord[K, V]
	Branches []Receiver[K, V] // one for each predicate
	Rest     Receiver[K, V]
}

// TakesRecord reports whether a branch takes a record, and whether it does so alone: where there is
// no value to ask for, those behind it take it too.
type TakesRecord[K, V any] func(*Record[K, V]) (takes, alone bool, err error)

// Receive implements Receiver.
func (s *SplitRecords[K, V]) Receive(r *Record[K, V]) error {
	for i, when := range s.When {
		takes, alone, err := when(r)
		if err != nil {
			return s.Fail(r.Origin, err)
		}
		if !takes {
			continue
		}
		if err := s.Branches[i].Receive(r); err != nil || alone {
			return err
		}
	}
	return s.Rest.Receive(r)
}
