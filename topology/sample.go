package topology

import (
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// Sample passes on a fraction of the records, 0 to 1, and leaves the others out. Which ones is a
// function of the input alone: a hash decides of the place that a record has in it (source topic,
// partition, offset, and of several records that are made of one message, which one it is). So a
// retry, a crash and another number of instances leave the sample as it is.
//
// The sample of a smaller fraction is a part of that of a larger one. Records whose place depends
// on when something was committed (updates of tables) cannot be sampled, which Build says;
// [Stream.SampleKeys] can sample them.
func (s Stream[K, V]) Sample(fraction float64) Stream[K, V] {
	n, share := s.sample(fraction)
	n.placed = true
	return s.then(n, func(_ site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		return &ops.Sample[K, V]{Share: share, Next: next}, nil
	})
}

// SampleKeys passes on all records of a fraction of the keys, 0 to 1: a hash of the key's bytes
// decides. So streams that are sampled by the same keys and fraction can still be joined, and the
// keys that are in the sample are counted in full. Records without key are dropped and counted.
func (s Stream[K, V]) SampleKeys(fraction float64) Stream[K, V] {
	n, share := s.sample(fraction)
	n.reads.wantKey = s.key
	return s.then(n, func(at site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		k, raw := keySerde(at, s.key)
		return ops.NewSampleKeys(at.node(), share, k, raw, next), nil
	})
}

// sample adds a node that takes a fraction of the records.
func (s *Stream[K, V]) sample(fraction float64) (*node, ops.Share) {
	from := s.node()
	n := from.t.add("sample", "", from.t.caller(), from)
	if !(fraction >= 0 && fraction <= 1) { // NaN too
		mistakef(n.t, n.at, n.name, "the fraction %v is none: give a number from 0, for nothing, to 1, for everything", fraction)
		fraction = 0
	}
	n.details.Fraction = fraction
	return n, ops.ShareOf(fraction)
}
