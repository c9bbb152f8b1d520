package changelog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/wiretime"
)

// Config is the configuration of a [Restorer]. Zero fields get the defaults given with them.
type Config struct {
	// Client are the options of the restorer's own client: brokers, security, client id. Options
	// that make it consume or produce do not belong here.
	Client []kgo.Opt
	// Logger gets a line when something is waited for. Default: none.
	Logger *slog.Logger

	// Memory bounds what all restores together hold, in bytes, before decompression of what is on
	// its way: 32 MiB.
	Memory int64
	// BatchBytes is how much of a global table is applied at once: 8 MiB.
	BatchBytes int64
	// FetchBytes is the size of one request to a broker: 8 MiB.
	FetchBytes int32
	// FetchWait is how long a broker holds a request when there is nothing to read, and so how long
	// a new restore may wait for its first record: 100 ms.
	FetchWait time.Duration

	// Report is the time between two log lines, and two calls of Progress, while something is
	// waited for: 10 s.
	Report time.Duration
	// Backoff is the longest pause between two attempts: 1 s.
	Backoff time.Duration
	// MissingAfter is how long a topic may be unknown to the brokers before it counts as deleted:
	// 10 s.
	MissingAfter time.Duration
	// Refresh is how often a follower looks for new partitions: 3 s.
	Refresh time.Duration

	// CompactionMovesStart says that the broker's compaction moves a log's start, as the embedded
	// broker's does and Apache Kafka's does not. Without it a key-value changelog that begins after
	// the needed position is refused.
	CompactionMovesStart bool
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	defaulted(&c.Memory, 32<<20)
	defaulted(&c.BatchBytes, 8<<20)
	defaulted(&c.FetchBytes, 8<<20)
	// or a fetch could wait for ever for memory
	c.FetchBytes = int32(min(int64(c.FetchBytes), max(1, c.Memory/4)))
	defaulted(&c.FetchWait, 100*time.Millisecond)
	defaulted(&c.Report, 10*time.Second)
	defaulted(&c.Backoff, time.Second)
	defaulted(&c.MissingAfter, 10*time.Second)
	defaulted(&c.Refresh, 3*time.Second)
	return c
}

func defaulted[T int32 | int64 | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Restorer reads changelogs back into stores, and follows the topics of global tables, many at
// once, for one process.
//
// It has one client and fetches all partitions of a broker with one request at a time, beside and
// independent of the application's workers. It reads committed data only and knows the position
// exactly: past markers, aborted records and what compaction removed. A partition whose reader is
// behind is left out of the requests, which bounds memory.
//
// It is safe for concurrent use. Broker outages and other passing errors are waited out until the
// caller's context ends.
type Restorer struct {
	cfg    Config
	client *kgo.Client
	reader *reader
	close  sync.Once
}

// NewRestorer makes the client and starts its goroutines. It does not wait for brokers.
func NewRestorer(cfg Config) (*Restorer, error) {
	cfg = cfg.withDefaults()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.ClientID("kolk-restore"),
		kgo.BrokerMaxReadBytes(2 * maxResponse),
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.RequestRetries(2), // the restorer retries by itself, and says so
	}, cfg.Client...)...)
	if err != nil {
		return nil, fmt.Errorf("changelog: client of the restorer: %w", err)
	}
	return &Restorer{cfg: cfg, client: client, reader: newReader(client, cfg)}, nil
}

// Client returns the restorer's client, for administrative requests. It belongs to the restorer.
func (r *Restorer) Client() *kgo.Client { return r.client }

// Close ends all restores with [ErrClosed] and waits for the restorer's goroutines.
func (r *Restorer) Close() {
	r.close.Do(func() {
		r.reader.stop()
		r.client.Close()
	})
}

// Request asks for one partition of a changelog.
type Request struct {
	Topic     string
	Partition int32
	// Spec says how the store's bytes are laid out.
	Spec Spec

	// TopicID is the id that the topic must have; another is [ErrRecreated]. Zero takes any.
	TopicID [16]byte
	// From is the offset of the first record that the store does not have; 0 for an empty store.
	From int64
	// Committed is the end that the last commit gave for the log; a shorter log is [ErrTruncated].
	// 0 if there is none.
	Committed int64
	// Purged says that records below the log's start were deleted on purpose because nobody needs
	// them any more, as in the changelogs of window stores. The store is then emptied and read from
	// the log's start.
	Purged bool

	// Apply takes changes, in the order of the log, and the position after them, next. changes may
	// be empty. They, and the bytes in them, belong to the restorer and are valid during the call
	// only. The store may write what several calls brought at once, as long as it stores the
	// position with the data, in one atomic step.
	Apply func(changes []Change, next int64) error
	// Check, if not nil, is called before each Apply that has changes, with the offset of the last
	// one. An error ends the restore before the store has them.
	Check func(last int64) error
	// Reset empties the store, together with its position. It is called when Purged and From lies
	// below the log's start.
	Reset func() error
	// Held, if not nil, is called again and again while an open transaction holds the restore back:
	// its writer may be gone, and somebody know how to end it.
	Held func()
	// Progress, if not nil, is called after each Apply, and from time to time while nothing comes.
	Progress func(Progress)
}

// Progress says how far a restore is.
type Progress struct {
	Topic     string
	Partition int32
	// Records and Bytes (of keys and values) were read since the restore began.
	Records, Bytes int64
	// Skipped records have no key and were left out. Changelogs have none: it is for the topics of
	// global tables.
	Skipped int64
	// Start is where the restore began; it is done when Position reaches End.
	Start, Position, End int64
	Elapsed              time.Duration
	// Waiting says for what the restore waits; it is empty while records come.
	Waiting string
}

// Result is what a restore did.
type Result struct {
	// TopicID is the topic's id, to be stored with the position.
	TopicID [16]byte
	Progress
}

// Restore reads the partition from the request's position to its end. The end is that of the
// uncommitted log at the time of the call, so the caller must have seen stable input offsets
// before: then every record of the last committed transaction lies below it. Restore returns when
// it has read past the end, committed records only.
//
// All callbacks are called by Restore itself. Positions are stored with the data, so a restore that
// was ended continues where the store is. Errors are ctx's, a callback's, a [*PoisonError], or wrap
// one of this package's; the rest is retried.
func (r *Restorer) Restore(ctx context.Context, req Request) (Result, error) {
	s := &restore{Restorer: r, req: req, began: time.Now()}
	s.progress = Progress{Topic: req.Topic, Partition: req.Partition}
	err := s.run(ctx)
	if err != nil && !errors.Is(err, context.Cause(ctx)) {
		err = fmt.Errorf("restore store %q from %s/%d at offset %d: %w", req.Spec.Store, req.Topic, req.Partition, s.progress.Position, err)
	}
	s.progress.Elapsed = time.Since(s.began)
	return Result{TopicID: s.id, Progress: s.progress}, err
}

// restore is one call of Restore.
type restore struct {
	*Restorer
	req      Request
	began    time.Time
	id       [16]byte
	progress Progress
}

func (s *restore) run(ctx context.Context) error {
	// Twice when the log's start moves past the position while it is read.
	for {
		end, err := s.locate(ctx)
		if err != nil {
			return err
		}
		if s.progress.Position >= end {
			s.report("")
			return nil
		}
		err = s.read(ctx, end)
		if !errors.Is(err, errPastStart) {
			return err
		}
		s.req.From = s.progress.Position
	}
}

// locate checks the topic and its bounds, sets the position and returns the end.
func (s *restore) locate(ctx context.Context) (end int64, err error) {
	q := s.req
	info, err := s.topic(ctx, q.Topic, q.TopicID)
	if err != nil {
		return 0, err
	}
	if int(q.Partition) >= len(info.leaders) {
		return 0, fmt.Errorf("%w: the topic has %d partitions, there is no partition %d", ErrDeleted, len(info.leaders), q.Partition)
	}
	s.id = info.id
	start, end, err := s.bounds(ctx, q.Topic, q.Partition, false)
	if err != nil {
		return 0, err
	}
	s.progress.Position, s.progress.End = q.From, end
	switch {
	case end < q.Committed:
		return 0, fmt.Errorf("%w: it ends at %d, but %d was committed; records were lost. Rebuild the state explicitly to go on", ErrTruncated, end, q.Committed)
	case end < q.From:
		return 0, fmt.Errorf("%w: it ends at %d, but local state holds it up to %d; records were lost. Rebuild the state explicitly to go on", ErrTruncated, end, q.From)
	case q.From >= start:
	case q.Purged:
		if q.Reset != nil {
			if err := q.Reset(); err != nil {
				return 0, err
			}
		}
		s.progress.Position = start
	case s.cfg.CompactionMovesStart:
		s.progress.Position = start
	default:
		return 0, fmt.Errorf("%w: it begins at %d, but %d is needed; records of this changelog were deleted. Check cleanup.policy and retention of the topic, and rebuild the state explicitly to go on",
			ErrOutOfRange, start, q.From)
	}
	if s.progress.Records == 0 {
		s.progress.Start = s.progress.Position
	}
	return end, nil
}

// heldLook is the time between two looks at whether a transaction holds a restore back. It is long
// beside what a transaction of a writer that lives takes from its first record to its end.
const heldLook = 250 * time.Millisecond

// read applies the log from the position up to end.
func (s *restore) read(ctx context.Context, end int64) error {
	p := s.reader.add(s.req.Topic, s.id, s.req.Partition, s.progress.Position, true, make(chan struct{}, 1))
	defer s.reader.remove(p)
	tick := time.NewTicker(s.cfg.Report)
	defer tick.Stop()

	look := time.NewTicker(heldLook)
	defer look.Stop()
	looked := int64(-1) // the position at the last look, if it was held then

	b := batch{spec: s.req.Spec}
	for {
		c, ok, err := s.reader.take(p)
		if err != nil {
			return err
		}
		if ok {
			if err := s.apply(&b, c); err != nil || s.progress.Position >= end {
				return err
			}
			continue
		}
		select {
		case <-p.notify:
		case <-look.C:
			if !s.reader.isHeld(p) {
				looked = -1
			} else if looked == s.progress.Position {
				if s.req.Held != nil {
					s.req.Held()
				}
			} else {
				looked = s.progress.Position
			}
		case <-tick.C:
			why := s.reader.why(p)
			s.cfg.Logger.Warn("restore waits", "store", s.req.Spec.Store, "topic", s.req.Topic, "partition", s.req.Partition,
				"position", s.progress.Position, "end", end, "for", why)
			s.report(why)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// apply hands over a chunk as soon as it is there, so that its memory is free again.
func (s *restore) apply(b *batch, c chunk) error {
	defer s.reader.release(c.held)
	defer b.reset()
	if err := b.add(s.req, c, false); err != nil {
		return err
	}
	if s.req.Check != nil && b.records > 0 {
		if err := s.req.Check(b.last); err != nil {
			return err
		}
	}
	if err := s.req.Apply(b.changes, c.next); err != nil {
		return err
	}
	s.progress.Records += b.records
	s.progress.Bytes += b.bytes
	s.progress.Position = c.next
	s.report("")
	return nil
}

func (s *restore) report(waiting string) {
	if s.req.Progress == nil {
		return
	}
	p := s.progress
	p.Elapsed, p.Waiting = time.Since(s.began), waiting
	s.req.Progress(p)
}

// batch collects changes until they are applied. Its memory is used again.
type batch struct {
	spec    Spec
	arena   []byte
	changes []Change
	// held is what its chunks count in the reader's budget.
	held                    int64
	records, bytes, skipped int64
	last                    int64 // the offset of the last of records
}

func (b *batch) reset() {
	clear(b.changes) // they hold what was fetched
	*b = batch{spec: b.spec, arena: b.arena[:0], changes: b.changes[:0]}
}

// add decodes a chunk. Records without a key are left out if keyless, and otherwise poison.
func (b *batch) add(req Request, c chunk, keyless bool) error {
	b.held += c.held
	grows := 0
	for _, r := range c.records {
		grows += b.spec.grows(r.Key, r.Value)
	}
	b.arena, b.changes = slices.Grow(b.arena, grows), slices.Grow(b.changes, len(c.records))
	for _, r := range c.records {
		if r.Attrs.IsControl() {
			continue
		}
		if keyless && r.Key == nil {
			b.skipped++
			continue
		}
		at, err := stamped(r)
		if err == nil || keyless {
			var change Change
			change, b.arena, err = b.spec.Decode(b.arena, Message{Key: r.Key, Value: r.Value, Timestamp: at})
			b.changes = append(b.changes, change)
		}
		if err != nil {
			return &PoisonError{Topic: req.Topic, Partition: req.Partition, Offset: r.Offset, Err: err}
		}
		b.records++
		b.last = r.Offset
		b.bytes += int64(len(r.Key) + len(r.Value))
	}
	return nil
}

// stamped checks the version of a message and returns its time.
func stamped(r *kgo.Record) (int64, error) {
	for _, h := range r.Headers {
		if h.Key == VersionHeader {
			return 0, fmt.Errorf("%w: written by a later version of the format (header %s=%x)", ErrMalformed, VersionHeader, h.Value)
		}
	}
	at, err := wiretime.Of(r)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return at, nil
}
