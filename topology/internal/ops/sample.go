package ops

import (
	"math"

	"github.com/kolkstream/kolk/internal/place"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// Share is a share of all hashes: those below it.
type Share uint64

// ShareOf returns the share of a fraction from 0 to 1.
func ShareOf(fraction float64) Share {
	if fraction >= 1 {
		return math.MaxUint64
	}
	return Share(math.Ldexp(fraction, 64))
}

// has reports whether the hash of b belongs to the share. It is FNV-1a of 64 bits with the last
// step of MurmurHash3, which mixes its bits: docs/operators.md says so, for what is in a sample
// must not change.
func (s Share) has(b []byte) bool {
	h := uint64(0xcbf29ce484222325)
	for _, c := range b {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return s == math.MaxUint64 || h < uint64(s)
}

// Sample passes on a share of the records: by their places, and their number among those of one
// place.
type Sample[K, V any] struct {
	Share Share
	Next  Receiver[K, V]

	branches place.Branches
	buf      []byte
}

// Receive implements Receiver.
func (s *Sample[K, V]) Receive(r *Record[K, V]) error {
	if s.buf = s.branches.Append(s.buf[:0], r.Place); !s.Share.has(s.buf) {
		return nil
	}
	return s.Next.Receive(r)
}

// SampleKeys passes on the records of a share of the keys.
type SampleKeys[K, V any] struct {
	operator.Keyed[K]
	share Share
	next  Receiver[K, V]
}

// NewSampleKeys returns the operator. keyRaw says that records bring along their key as k writes
// it.
func NewSampleKeys[K, V any](n Node, share Share, k serde.Serde[K], keyRaw bool, next Receiver[K, V]) *SampleKeys[K, V] {
	return &SampleKeys[K, V]{Keyed: operator.NewKeyed(n, k, keyRaw), share: share, next: next}
}

// Receive implements Receiver.
func (s *SampleKeys[K, V]) Receive(r *Record[K, V]) error {
	key, ok, err := operator.KeyOf(&s.Keyed, r, true)
	if !ok || !s.share.has(key) {
		return err
	}
	return s.next.Receive(r)
}
