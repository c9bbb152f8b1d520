// Package checkpoint keeps, in a task's database, what the rest of the database means: whose it is,
// and up to which positions of its changelogs and inputs it holds everything.
//
// Positions are written in the same batch as the data that they describe ([Checkpoint.Write]), so
// that no crash can part them. They live under prefix 0 of the database; package state gives the
// other prefixes to stores by name ([Checkpoint.Prefix]). [Metadata] is the same knowledge on the
// other side, in the offset commits of the consumer group.
//
// The package knows neither Kafka nor an engine. docs/format describes both formats byte by byte.
package checkpoint

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/kolkstream/kolk/state"
)

// FormatVersion is the version of the database format that this package writes, and the only one
// that it reads.
const FormatVersion = 1

// ErrVersion marks errors of data in a format that this version of kolk does not know: it was
// written by a newer one.
var ErrVersion = errors.New("checkpoint: unknown format version")

// Identity says whose state a database holds.
type Identity struct {
	Application string
	ClusterID   string
	Task        string
}

// IdentityError is the error of [Open] for a database that belongs to somebody else.
type IdentityError struct {
	Have, Want Identity
}

func (e *IdentityError) Error() string {
	return fmt.Sprintf("checkpoint: the database is that of application %q, cluster %q, task %q; want application %q, cluster %q, task %q",
		e.Have.Application, e.Have.ClusterID, e.Have.Task, e.Want.Application, e.Want.ClusterID, e.Want.Task)
}

// TopicPosition is a place in one partition of a topic: the next offset to apply. A topic that is
// deleted and made again under the same name has another id, and positions in the old one mean
// nothing in it.
type TopicPosition struct {
	TopicID [16]byte
	Offset  int64
}

// Update is what a batch changes: the entries named, and nothing else.
type Update struct {
	// Changelogs by store: what of its changelog the store contains, this batch included.
	Changelogs map[string]TopicPosition
	// Shapes by store: the text of what the store is, this batch included.
	Shapes map[string]string
	// Inputs by topic: the next offset that is to be processed.
	Inputs map[string]int64
	// Seq is the number of the transaction. 0 leaves it as it is.
	Seq uint64
	// At is the wall-clock time of the transaction, or of the end of the log that a restore has
	// reached. It is kept in milliseconds. The zero Time leaves it as it is.
	At time.Time
}

// Checkpoint is the metadata of one open database. It belongs to the goroutine that commits the
// database's batches.
type Checkpoint struct {
	db         state.DB
	id         Identity
	prefixes   map[string]uint16
	changelogs map[string]TopicPosition
	shapes     map[string]string
	inputs     map[string]int64
	commit     commitRecord
	pending    Update
	key, value []byte
}

// Open reads the metadata of db. A database that is empty becomes that of id. It fails with an
// [*IdentityError] if the database is another's, with [ErrVersion] if its format is a newer one,
// and with [state.ErrCorrupt] if the metadata is missing or cannot be what was written.
func Open(db state.DB, id Identity) (*Checkpoint, error) {
	c := &Checkpoint{
		db:         db,
		id:         id,
		prefixes:   make(map[string]uint16),
		changelogs: make(map[string]TopicPosition),
		shapes:     make(map[string]string),
		inputs:     make(map[string]int64),
	}
	value, found, err := db.Get(nil, identityKey)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	if !found {
		return c, c.create()
	}
	have, err := parseIdentity(value)
	if err != nil {
		return nil, err
	}
	if have != id {
		return nil, &IdentityError{Have: have, Want: id}
	}
	if err := db.Scan(metaLow, metaHigh, func(key, value []byte) (bool, error) { return true, c.load(key, value) }); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return c, nil
}

// create makes an empty database that of c.id.
func (c *Checkpoint) create() error {
	empty := true
	if err := c.db.Scan(nil, nil, func(_, _ []byte) (bool, error) { empty = false; return false, nil }); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if !empty {
		// The identity is in the first batch of all, and batches are lost from the end only.
		return fmt.Errorf("checkpoint: %w: the database has data but no identity", state.ErrCorrupt)
	}
	value, err := appendIdentity(nil, c.id)
	if err != nil {
		return err
	}
	return c.set(identityKey, value)
}

// set writes one entry in a batch of its own.
func (c *Checkpoint) set(key, value []byte) error {
	b := c.db.NewBatch()
	b.Set(key, value)
	if err := errors.Join(b.Commit(), b.Close()); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// Identity says whose database it is.
func (c *Checkpoint) Identity() Identity { return c.id }

// Prefix returns the prefix of the store of that name: the same one as long as the database lives.
// A store that it does not know gets the next free one, which is written at once.
func (c *Checkpoint) Prefix(store string) (uint16, error) {
	if p, ok := c.prefixes[store]; ok {
		return p, nil
	}
	if store == "" || len(store) > maxName {
		return 0, fmt.Errorf("checkpoint: a store's name of %d bytes", len(store))
	}
	next := uint16(1)
	for _, p := range c.prefixes {
		next = max(next, p+1)
	}
	if next == math.MaxUint16 {
		return 0, errors.New("checkpoint: the database has had 65534 stores; there is no prefix left")
	}
	if err := c.set(appendKey(nil, kindStore, store), appendPrefix(nil, next)); err != nil {
		return 0, err
	}
	c.prefixes[store] = next
	return next, nil
}

// Stores returns the names of all stores that have a prefix, sorted. The topology may not have all
// of them any more.
func (c *Checkpoint) Stores() []string { return slices.Sorted(maps.Keys(c.prefixes)) }

// Changelog returns the position of the store in its changelog. ok is false if there is none.
func (c *Checkpoint) Changelog(store string) (p TopicPosition, ok bool) {
	p, ok = c.changelogs[store]
	return p, ok
}

// Changelogs returns the names of the stores that have a position in a changelog, sorted.
func (c *Checkpoint) Changelogs() []string { return slices.Sorted(maps.Keys(c.changelogs)) }

// Shape returns the text of what the store is, as it was last written; "" if that is not known.
func (c *Checkpoint) Shape(store string) string { return c.shapes[store] }

// Input returns the next offset of the topic to be processed after what the database holds. ok is
// false if there is none.
func (c *Checkpoint) Input(topic string) (offset int64, ok bool) {
	offset, ok = c.inputs[topic]
	return offset, ok
}

// Seq is the number of the last transaction in the database, 0 if there was none.
func (c *Checkpoint) Seq() uint64 { return c.commit.seq }

// LastCommit is when the state was last known to be current, in UTC; the zero Time if never.
func (c *Checkpoint) LastCommit() time.Time {
	if c.commit.at == 0 {
		return time.Time{}
	}
	return time.UnixMilli(c.commit.at).UTC()
}

// Write adds u to b, the batch with the data that u describes, at most once per batch. What the
// Checkpoint itself says changes with [Checkpoint.Applied], when b has been committed; without it,
// nothing has happened. Until then u's maps must not be changed.
func (c *Checkpoint) Write(b state.Batch, u Update) error {
	for store, p := range u.Changelogs {
		if store == "" || len(store) > maxName || p.Offset < 0 {
			return fmt.Errorf("checkpoint: changelog of store %q at %d", store, p.Offset)
		}
	}
	for store, shape := range u.Shapes {
		if store == "" || len(store) > maxName || shape == "" {
			return fmt.Errorf("checkpoint: shape %q of store %q", shape, store)
		}
	}
	for topic, offset := range u.Inputs {
		if topic == "" || len(topic) > maxName || offset < 0 {
			return fmt.Errorf("checkpoint: input %q at %d", topic, offset)
		}
	}
	for store, p := range u.Changelogs {
		c.key, c.value = appendKey(c.key[:0], kindChangelog, store), appendPosition(c.value[:0], p)
		b.Set(c.key, c.value)
	}
	for store, shape := range u.Shapes {
		if c.shapes[store] != shape {
			b.Set(appendKey(nil, kindShape, store), append([]byte{FormatVersion}, shape...))
		}
	}
	for topic, offset := range u.Inputs {
		c.key, c.value = appendKey(c.key[:0], kindInput, topic), appendOffset(c.value[:0], offset)
		b.Set(c.key, c.value)
	}
	if next := c.commit.with(u); next != c.commit {
		c.value = next.append(c.value[:0])
		b.Set(commitKey, c.value)
	}
	c.pending = u
	return nil
}

// Applied says that the batch of the last [Checkpoint.Write] has been committed.
func (c *Checkpoint) Applied() {
	maps.Copy(c.changelogs, c.pending.Changelogs)
	maps.Copy(c.shapes, c.pending.Shapes)
	maps.Copy(c.inputs, c.pending.Inputs)
	c.commit = c.commit.with(c.pending)
	c.pending = Update{}
}
