package topology

import (
	"math"
	"slices"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/cache"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/stores"
	"github.com/kolkstream/kolk/topology/internal/versions"
)

// storeHandle is a declared store of processors.
type storeHandle[K, V any] struct {
	d     *storeDecl
	t     *Topology
	key   *serdeRef[K]
	value *serdeRef[V]
}

// declare declares a store for processors.
func declare[K, V any](t *Topology, name string, key serde.Serde[K], value serde.Serde[V], d *storeDecl) storeHandle[K, V] {
	t = t.made()
	at := t.caller()
	t.claim("store", name, at)
	t.needSerdes(at, name, key, value)
	h := storeHandle[K, V]{t: t, key: given(t, key, true), value: given(t, value, false)}
	d.name, d.at, d.key, d.value = name, at, h.key, h.value
	h.d = t.addStore(d)
	return h
}

// forgetting declares a store that forgets what is older than the retention.
func forgetting[K, V any](t *Topology, name string, key serde.Serde[K], value serde.Serde[V], kind flow.StoreKind, role string, retention time.Duration) storeHandle[K, V] {
	t = t.made()
	retention = t.keeps(name, "retention", retention, time.Millisecond)
	return declare(t, name, key, value, &storeDecl{kind: kind, role: role, retention: retention, kept: true, marked: t.config.clocks})
}

func (h storeHandle[K, V]) grant(n *node) bool { return h.d.grant(h.t, n) }

// name is the store's, for messages.
func (h storeHandle[K, V]) name() string {
	if h.d == nil {
		return "?"
	}
	return h.d.name
}

// grant gives the store, of a topology, to a processor.
func (d *storeDecl) grant(t *Topology, n *node) bool {
	what := "a store"
	if d != nil {
		what = "store " + d.name
	}
	if !n.t.owns(n.at, n.name, what, "a method of the topology, such as Store,", t) {
		return false
	}
	n.stores = append(n.stores, d)
	return true
}

// StoreRef is a declared key-value store of processors. It is made by [Topology.Store], given to
// [Stream.Process], and opened in there.
type StoreRef[K, V any] struct{ storeHandle[K, V] }

// Store is an open key-value store of a processor; [StoreRef.Open] returns it. Values are encoded
// and decoded by each call: what Get returns belongs to the caller, and a changed value counts when
// it is Put. Writes become visible to others with the transaction, or never. It belongs to the
// goroutine of its task. It is implemented by kolk alone.
type Store[K, V any] interface {
	// Get returns the value of a key. ok is false if there is none.
	Get(key K) (v V, ok bool, err error)

	// Put sets the value of a key.
	Put(key K, value V) error

	// Delete deletes a key, if it is there.
	Delete(key K) error

	// Range calls fn for each key from lo on and before hi, in the order of the keys' bytes, until
	// fn returns false. A missing bound is none. fn may read and write the store: what it writes
	// among the keys to come may be seen or not.
	Range(lo, hi Opt[K], fn func(K, V) bool) error
}

// Store declares a key-value store for processors, with a changelog. What is in it stays until it
// is deleted: [Topology.WindowStore] and [Topology.SessionStore] forget what is old,
// [Topology.VersionedStore] remembers what was before.
func (t *Topology) Store[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) StoreRef[K, V] {
	return StoreRef[K, V]{declare(t, name, key, value, &storeDecl{kind: flow.KeyValueStore, role: "store"})}
}

// Open returns the store in a processor that it was given to; it is a map look-up, for suppliers
// and function processors alike. Where it was not given the task fails, and what is returned
// answers every call with that error.
func (r StoreRef[K, V]) Open(c Opener) Store[K, V] {
	s, err := opened[*stores.KeyValue[K, V]](c, r.d, "store", r.name())
	if err != nil {
		return stores.BrokenKeyValue[K, V](err)
	}
	return s
}

func (r StoreRef[K, V]) open(at site, to *ops.Instance) error {
	to.Give(ops.Opened{Of: r.d, As: stores.NewKeyValue(at.task(), r.d.name, r.key.get(), r.value.get(), to)})
	return nil
}

// WindowStoreRef is a declared window store of processors. It is made by [Topology.WindowStore],
// given to [Stream.Process], and opened in there.
type WindowStoreRef[K, V any] struct{ storeHandle[K, V] }

// WindowStore is an open window store of a processor, which has a value for each key and start;
// [WindowStoreRef.Open] returns it. Starts are event time in milliseconds, from [MinTime] to
// [MaxTime]. All else is as of a [Store].
//
// A row is found for the retention: by a record whose Ref is later than its start by less. What is
// older is not found, though it may not be deleted yet, and not stored: it is counted as
// [ExpiredRows]. In a punctuation the time that it is given counts in place of the Ref; in one of
// the wall clock the task's time as of the last commit does. With [KafkaStreamsTime] it is the
// largest start that was ever put.
type WindowStore[K, V any] interface {
	// Get returns the value of a key at a start. ok is false if there is none.
	Get(key K, start int64) (v V, ok bool, err error)

	// Put sets the value of a key at a start.
	Put(key K, start int64, value V) error

	// Delete deletes the value of a key at a start, if it is there.
	Delete(key K, start int64) error

	// Fetch calls fn for each value of a key whose start is from from to to, both included, in
	// order, until fn returns false. fn may read and write the store: what it writes among the rows
	// to come may be seen or not.
	Fetch(key K, from, to int64, fn func(start int64, v V) bool) error

	// FetchAll is Fetch for all keys, in the order of start and of the keys' bytes.
	FetchAll(from, to int64, fn func(start int64, key K, v V) bool) error
}

// WindowStore declares a window store for processors, with a changelog: a value for each key and
// start, found for the retention, as WindowStore says. It is Stores.persistentWindowStore of Kafka
// Streams, without duplicates.
func (t *Topology) WindowStore[K, V any](name string, key serde.Serde[K], value serde.Serde[V], retention time.Duration) WindowStoreRef[K, V] {
	return WindowStoreRef[K, V]{forgetting(t, name, key, value, flow.SlidingStore, "window-store", retention)}
}

// Open returns the store in a processor that it was given to; see [StoreRef.Open].
func (r WindowStoreRef[K, V]) Open(c Opener) WindowStore[K, V] {
	s, err := opened[*stores.Windows[K, V]](c, r.d, "store", r.name())
	if err != nil {
		return stores.BrokenWindows[K, V](err)
	}
	return s
}

func (r WindowStoreRef[K, V]) open(at site, to *ops.Instance) error {
	to.Give(ops.Opened{Of: r.d, As: stores.NewWindows(r.d.name, r.d.expiring(at, 1), r.key.get(), r.value.get(), to, at.expired())})
	return nil
}

// SessionStoreRef is a declared session store of processors. It is made by [Topology.SessionStore],
// given to [Stream.Process], and opened in there.
type SessionStoreRef[K, V any] struct{ storeHandle[K, V] }

// SessionStore is an open session store of a processor, which has a value for each key and session;
// [SessionStoreRef.Open] returns it. Start and End of a session are event time in milliseconds, and
// both belong to it. All else is as of a [WindowStore], where the session's End is what expires.
type SessionStore[K, V any] interface {
	// Get returns the value of a key in a session. ok is false if there is none.
	Get(key K, session Window) (v V, ok bool, err error)

	// Put sets the value of a key in a session.
	Put(key K, session Window, value V) error

	// Delete deletes the value of a key in a session, if it is there.
	Delete(key K, session Window) error

	// Fetch calls fn for each session of a key that has something of the time from from to to, both
	// included, in the order of End and Start, until fn returns false. fn may read and write the
	// store: what it writes among the rows to come may be seen or not.
	Fetch(key K, from, to int64, fn func(session Window, v V) bool) error

	// FetchAll is Fetch for all keys, in the order of End, Start and the keys' bytes.
	FetchAll(from, to int64, fn func(session Window, key K, v V) bool) error
}

// SessionStore declares a session store for processors, with a changelog: a value for each key and
// session, found for the retention, as SessionStore says. It is Stores.persistentSessionStore of
// Kafka Streams.
func (t *Topology) SessionStore[K, V any](name string, key serde.Serde[K], value serde.Serde[V], retention time.Duration) SessionStoreRef[K, V] {
	return SessionStoreRef[K, V]{forgetting(t, name, key, value, flow.SessionStore, "session-store", retention)}
}

// Open returns the store in a processor that it was given to; see [StoreRef.Open].
func (r SessionStoreRef[K, V]) Open(c Opener) SessionStore[K, V] {
	s, err := opened[*stores.Sessions[K, V]](c, r.d, "store", r.name())
	if err != nil {
		return stores.BrokenSessions[K, V](err)
	}
	return s
}

func (r SessionStoreRef[K, V]) open(at site, to *ops.Instance) error {
	to.Give(ops.Opened{Of: r.d, As: stores.NewSessions(r.d.name, r.d.expiring(at, 2), r.key.get(), r.value.get(), to, at.expired())})
	return nil
}

// VersionedStoreRef is a declared versioned store of processors. It is made by
// [Topology.VersionedStore], given to [Stream.Process], and opened in there.
type VersionedStoreRef[K, V any] struct {
	storeHandle[K, V]
	past *storeDecl // versions that have ended
	all  *perGraph[*versions.Store[V]]
}

// VersionedStore is an open versioned store of a processor, which has what a key's value was at any
// time of its history; [VersionedStoreRef.Open] returns it. Times are event time in milliseconds,
// from [MinTime] to [MaxTime]. All else is as of a [Store].
//
// A version is stored if its time lies before the Ref of the record at hand by the history at most;
// else it is counted as [ExpiredRows]. In a punctuation the time that it is given counts in place
// of the Ref; in one of the wall clock the task's time as of the last commit does. With
// [KafkaStreamsTime] it is the largest time of a version.
type VersionedStore[K, V any] interface {
	// Get returns the latest version of a key, and since when it is that. ok is false if there is
	// none, or if it is a deletion.
	Get(key K) (v V, since int64, ok bool, err error)

	// GetAsOf returns the value that a key had at a time, and since when. ok is false if there was
	// none, or if the time lies before the Ref by more than the history: then the latest version
	// alone is found, if it is that old.
	GetAsOf(key K, at int64) (v V, since int64, ok bool, err error)

	// Put sets the value that a key has from since on, until the next version.
	Put(key K, since int64, value V) error

	// Delete says that a key has no value from since on, until the next version.
	Delete(key K, since int64) error
}

// VersionedStore declares a versioned store for processors: what the value of a key was, for the
// history, as VersionedStore says. The latest versions are in the store of that name, those that
// have ended in one named with "-history"; both have a changelog. It is
// Stores.persistentVersionedKeyValueStore of Kafka Streams (KIP-889).
func (t *Topology) VersionedStore[K, V any](name string, key serde.Serde[K], value serde.Serde[V], history time.Duration) VersionedStoreRef[K, V] {
	t = t.made()
	h := declare(t, name, key, value, &storeDecl{kind: flow.KeyValueStore, role: "versioned-store", timestamps: true})
	past := declare(t, name+"-history", key, value, &storeDecl{kind: flow.HistoryStore, role: "history", retention: t.keeps(name, "history", history, 0)})
	return VersionedStoreRef[K, V]{storeHandle: h, past: past.d, all: new(perGraph[*versions.Store[V]])}
}

// Open returns the store in a processor that it was given to; see [StoreRef.Open].
func (r VersionedStoreRef[K, V]) Open(c Opener) VersionedStore[K, V] {
	s, err := opened[*stores.Versioned[K, V]](c, r.d, "store", r.name())
	if err != nil {
		return stores.BrokenVersioned[K, V](err)
	}
	return s
}

func (r VersionedStoreRef[K, V]) grant(n *node) bool {
	return r.d.grant(r.t, n) && r.past.grant(r.t, n)
}

func (r VersionedStoreRef[K, V]) open(at site, to *ops.Instance) error {
	all, ok := r.all.get(at.b)
	if !ok {
		keeps := r.past.retention.Milliseconds()
		past, err := versions.NewHistory(at.task(), r.past.name, keeps)
		if err != nil {
			return err
		}
		var rule versions.Rule = &versions.ByTask{Task: at.task(), Keeps: keeps, Late: keeps, Behind: at.behindOf(r.d)}
		if clock := at.clockOf(r.d); clock != nil {
			rule = &versions.ByClock{Clock: clock, Keeps: keeps}
		}
		all = versions.NewStore(cache.NewCache(at.task(), r.d.name, r.value.get()), past, rule)
		r.all.set(at.b, all)
	}
	to.Give(ops.Opened{Of: r.d, As: stores.NewVersioned(r.d.name, all, r.key.get(), r.value.get(), to, at.expired())})
	return nil
}

// keeps checks for how long a store is to keep something, and returns it.
func (t *Topology) keeps(name, what string, d, least time.Duration) time.Duration {
	at := t.caller()
	switch {
	case d < least:
		mistakef(t, at, name, "the %s, %s, is too short: give %s or more", what, d, least)
	case d > math.MaxInt64/2:
		mistakef(t, at, name, "the %s, %s, is longer than 146 years: make it shorter", what, d)
	case d%time.Millisecond != 0:
		mistakef(t, at, name, "the %s, %s, is not a whole number of milliseconds: round it", what, d)
	}
	return d
}

// expiring returns the rows of a store that expire, which all views of a task share.
func (d *storeDecl) expiring(at site, times int) *stores.Rows {
	rows, ok := d.rows.get(at.b)
	if !ok {
		keeps := d.retention.Milliseconds()
		var rule stores.Rule = &stores.ByTask{Task: at.task(), Retention: keeps, Behind: at.behindOf(d)}
		if clock := at.clockOf(d); clock != nil {
			rule = &stores.ByClock{Clock: clock, Retention: keeps}
		}
		rows = stores.NewRows(at.task(), d.name, times, rule)
		d.rows.set(at.b, rows)
		at.flushes(rows)
	}
	return rows
}

// behindOf returns by how much what reaches a store may come later than its time, in milliseconds.
func (s site) behindOf(d *storeDecl) int64 {
	behind := time.Duration(0)
	for _, n := range s.b.plan.nodes {
		if slices.Contains(n.stores, d) {
			behind = max(behind, n.since)
		}
	}
	return behind.Milliseconds()
}

// clockOf returns the clock of a store, nil in a topology with the default time.
func (s site) clockOf(d *storeDecl) *operator.Clock {
	if !s.b.plan.config.clocks {
		return nil
	}
	return (*operator.Clock)(s.b.task.Clock(d.name))
}

// expired returns the count of rows that a processor has put and that were too old.
func (s site) expired() *int64 { return s.b.task.Tally(s.n.name, ExpiredRows) }
