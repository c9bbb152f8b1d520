package topology

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"reflect"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/stores"
)

// Deduplicate drops each record with which the same key and id have come before: if one that passed
// lies at most within before it. Payments that a producer may have sent twice are
//
//	payments.Deduplicate("once", Payment.ID, time.Hour)
//
// A record that passes does so at once, as it is. The first one passes, and later ones do not
// prolong the time: an id that comes again and again passes once in a while. Records that are
// dropped are counted as [Duplicate], those without key as [NullKey]. Tombstones have no value
// to compute an id from, and pass; [Stream.DeduplicateRecords] sees them.
//
// Time is that at which a record came, its Ref: the largest timestamp that its source partition
// had shown. So no record is late, and out of order or not, of the records of a source partition
// the first one passes, and which ones do is a function of the input. Where records with one key
// and id come from several partitions or topics (behind [Stream.Repartition] and
// [Stream.Merge]), the first one is the one that is read first; behind [Stream.InOrder] it is
// the one with the least timestamp, of equal ones the first by topic, partition and offset, and
// which ones pass is a function of the input again. An input that had been idle may bring
// records of a time that is forgotten: they pass. With [KafkaStreamsTime] time is the largest
// timestamp that the operator has seen.
//
// Ids are kept for that time, in a store of that name with a changelog, on disk as far as they
// do not fit in memory. They are written with the serde of their type, or the one of [KeySerde].
// within may be changed when a program is deployed anew.
func (s Stream[K, V]) Deduplicate[ID any](name string, id func(V) ID, within time.Duration, opts ...KeyOption[ID]) Stream[K, V] {
	return deduplicate(s, name, within, identity[K, V, ID]{isNil: id == nil, of: func(_ context.Context, r *Record[K, V]) (ID, error) {
		return id(r.Value), nil
	}}, opts)
}

// DeduplicateRecords is [Stream.Deduplicate] with ids that are computed from whole records,
// tombstones included: from their headers, or, with a function that returns the same for all, by
// their keys alone.
func (s Stream[K, V]) DeduplicateRecords[ID any](name string, id func(*Record[K, V]) ID, within time.Duration, opts ...KeyOption[ID]) Stream[K, V] {
	return deduplicate(s, name, within, identity[K, V, ID]{isNil: id == nil, usesKey: true, tombstones: true, of: func(_ context.Context, r *Record[K, V]) (ID, error) {
		return id(r), nil
	}}, opts)
}

// identity is how ids are computed.
type identity[K, V, ID any] struct {
	isNil      bool
	usesKey    bool
	tombstones bool
	of         func(context.Context, *Record[K, V]) (ID, error)
}

func deduplicate[K, V, ID any](s Stream[K, V], name string, within time.Duration, id identity[K, V, ID], opts []KeyOption[ID]) Stream[K, V] {
	from := s.node()
	t := from.t
	at := t.caller()
	t.claim("store", name, at)
	t.needPartitioned(at, name, "Deduplicate", from)
	switch {
	case within < 0:
		mistakef(t, at, name, "the time, %s, is negative: give 0 or more", within)
	case within > math.MaxInt64/2:
		mistakef(t, at, name, "the time, %s, is longer than 146 years: make it shorter", within)
	case within%time.Millisecond != 0:
		mistakef(t, at, name, "the time, %s, is not a whole number of milliseconds: round it", within)
	}
	n := t.add("deduplicate", name, at, from)
	n.need("the function of the id", id.isNil)
	n.timed, n.partitioned, n.remembers = true, true, true
	n.reads = reads{key: id.usesKey, value: true, wantKey: s.key}
	n.details.Within = "within " + cmp.Or(flow.Duration(within), "0s")
	ids := newKeys(n, &serdeRef[ID]{t: t, key: true}, opts)
	d := t.addStore(&storeDecl{
		name: name, at: at, kind: flow.SlidingStore, role: "deduplicate", retention: within + time.Millisecond, kept: true, marked: t.config.clocks,
		key: &seenRef[K, ID]{s.key, ids}, value: given(t, serde.Bytes(), false),
	})
	n.stores = []*storeDecl{d}
	return s.then(n, func(at site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		k, raw := keySerde(at, s.key)
		return stores.NewDeduplicate(at.node(), k, raw, d.expiring(at, 1), at.clockOf(d), within.Milliseconds(), ids.get(), id.of, id.tombstones, next), nil
	})
}

// seenRef is where the serde of a key and an id comes from.
type seenRef[K, ID any] struct {
	key *serdeRef[K]
	id  *serdeRef[ID]
}

func (r *seenRef[K, ID]) serdeName() (string, error) {
	if _, err := r.key.serdeName(); err != nil {
		return "", err
	}
	if _, err := r.id.serdeName(); err != nil {
		return "", err
	}
	return r.serde().Name(), nil
}

func (r *seenRef[K, ID]) serde() stores.SeenSerde[K, ID] {
	return stores.SeenSerde[K, ID]{Key: r.key.get(), ID: r.id.get()}
}

func (r *seenRef[K, ID]) of() reflect.Type { return reflect.TypeFor[stores.SeenSerde[K, ID]]() }

func (r *seenRef[K, ID]) columns() string { return "" }

func (r *seenRef[K, ID]) texts() serde.Serde[json.RawMessage] { return flow.TextsOf(r.serde()) }
