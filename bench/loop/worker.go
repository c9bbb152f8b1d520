package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// worker is one goroutine with one client, which consumes its partitions and produces in its
// transaction.
type worker struct {
	*job
	cl          *kgo.Client
	txnID       string
	parts       []*partition
	keyed       kgo.TopicPartitioner
	uncommitted int // records
	began       time.Time
	promise     func(*kgo.Record, error)
	failed      atomic.Pointer[error] // the first that a record could not be produced
}

// partition is what a worker keeps of one partition that it reads.
type partition struct {
	topic   string
	num     int32
	db      *pebble.DB        // nil if nothing is counted
	dirty   map[string]uint64 // counts since the last commit
	next    int64
	epoch   int32
	touched bool
}

// work runs one worker until ctx ends, and then commits what it has.
func (j *job) work(ctx context.Context, index int, nums []int32) (err error) {
	w := &worker{job: j, txnID: fmt.Sprintf("%s-%d", j.app, index), keyed: kgo.StickyKeyPartitioner(nil).ForTopic(j.rekeyed)}
	w.promise = func(_ *kgo.Record, err error) {
		if err != nil {
			w.failed.CompareAndSwap(nil, &err)
		}
	}
	defer func() { err = errors.Join(err, w.closeAll()) }()
	from := map[string]map[int32]kgo.Offset{}
	for topic := range j.ids {
		from[topic] = map[int32]kgo.Offset{}
		for _, n := range nums {
			from[topic][n] = kgo.NewOffset().AtStart()
			p := &partition{topic: topic, num: n, dirty: map[string]uint64{}}
			w.parts = append(w.parts, p)
			if j.changelog == "" || j.rekeyed != "" && topic != j.rekeyed {
				continue
			}
			p.db, err = pebble.Open(filepath.Join(j.state, strconv.Itoa(int(n))), &pebble.Options{
				Cache:        j.blockCache,
				MemTableSize: 32 << 20,
				DisableWAL:   true, // the changelog is the log
				Logger:       quiet{},
			})
			if err != nil {
				return err
			}
		}
	}
	w.cl, err = kgo.NewClient(
		kgo.SeedBrokers(j.brokers...),
		kgo.ConsumePartitions(from),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxBytes(50<<20),
		kgo.FetchMaxPartitionBytes(4<<20),
		kgo.TransactionalID(w.txnID),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.SnappyCompression()),
		kgo.ProducerLinger(5*time.Millisecond),
		kgo.MaxBufferedRecords(500_000),
	)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := w.poll(ctx); err != nil {
			return err
		}
	}
	return w.commit()
}

// chunk is how many records are processed between two looks at the clock: a fetch may hold far more
// than an interval's worth.
const chunk = 5000

// poll waits for records, but not longer than to the next commit, and processes them, with commits
// when they are due.
func (w *worker) poll(ctx context.Context) error {
	if w.uncommitted > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, w.began.Add(w.interval))
		defer cancel()
	}
	fetches := w.cl.PollFetches(ctx)
	for _, e := range fetches.Errors() {
		if !errors.Is(e.Err, context.DeadlineExceeded) && !errors.Is(e.Err, context.Canceled) {
			return fmt.Errorf("read %s/%d: %w", e.Topic, e.Partition, e.Err)
		}
	}
	var err error
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		p := w.partition(f.Topic, f.Partition)
		for records := range slices.Chunk(f.Records, chunk) {
			if err == nil {
				err = w.process(p, records)
			}
			if err == nil {
				err = w.commitIfDue()
			}
		}
	})
	if err != nil {
		return err
	}
	return w.commitIfDue()
}

func (w *worker) partition(topic string, num int32) *partition {
	for _, p := range w.parts {
		if p.num == num && p.topic == topic {
			return p
		}
	}
	return nil
}

func (w *worker) process(p *partition, records []*kgo.Record) error {
	if w.uncommitted == 0 {
		if err := w.cl.BeginTransaction(); err != nil {
			return err
		}
		w.began = time.Now()
	}
	for _, r := range records {
		switch {
		case p.db != nil:
		case w.rekeyed != "":
			field, _, _ := bytes.Cut(r.Value, []byte("|"))
			to := &kgo.Record{Topic: w.rekeyed, Key: field, Value: r.Value, Timestamp: r.Timestamp}
			to.Partition = int32(w.keyed.Partition(to, int(w.partitions)))
			w.produce(to)
			continue
		default:
			w.produce(&kgo.Record{Topic: w.out, Partition: p.num, Key: r.Key, Value: r.Value, Timestamp: r.Timestamp})
			continue
		}
		n, ok := p.dirty[string(r.Key)]
		if !ok {
			var err error
			if n, err = stored(p.db, r.Key); err != nil {
				return err
			}
		}
		n++
		p.dirty[string(r.Key)] = n
		if w.everyUpdate {
			w.count(p, r.Key, n, r.Timestamp)
		}
	}
	last := records[len(records)-1]
	p.next, p.epoch, p.touched = last.Offset+1, last.LeaderEpoch, true
	w.uncommitted += len(records)
	return nil
}

// stored reads a count from Pebble; 0 if there is none.
func stored(db *pebble.DB, key []byte) (uint64, error) {
	value, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n := binary.BigEndian.Uint64(value)
	return n, closer.Close()
}

// count appends one count to the changelog and to the output.
func (w *worker) count(p *partition, key []byte, n uint64, at time.Time) {
	value := binary.BigEndian.AppendUint64(nil, n)
	w.produce(&kgo.Record{Topic: w.changelog, Partition: p.num, Key: key, Value: value, Timestamp: at})
	w.produce(&kgo.Record{Topic: w.out, Partition: p.num, Key: key, Value: value, Timestamp: at})
}

func (w *worker) produce(r *kgo.Record) {
	w.cl.Produce(context.Background(), r, w.promise)
}

func (w *worker) commitIfDue() error {
	if w.uncommitted == 0 || time.Since(w.began) < w.interval {
		return nil
	}
	return w.commit()
}

// commit ends the transaction: output and changelog, then the offsets, then Pebble.
func (w *worker) commit() error {
	if w.uncommitted == 0 {
		return nil
	}
	ctx := context.Background() // a commit that has begun is finished
	if !w.everyUpdate {
		now := time.Now()
		for _, p := range w.parts {
			for key, n := range p.dirty {
				w.count(p, []byte(key), n, now)
			}
		}
	}
	if err := w.cl.Flush(ctx); err != nil {
		return err
	}
	if err := w.failed.Load(); err != nil {
		return fmt.Errorf("produce: %w", *err)
	}
	if err := w.commitOffsets(ctx); err != nil {
		return err
	}
	if err := w.cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return err
	}
	w.uncommitted = 0
	for _, p := range w.parts {
		if err := p.apply(); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) commitOffsets(ctx context.Context) error {
	id, epoch, err := w.cl.ProducerID(ctx)
	if err != nil {
		return err
	}
	var topics []kmsg.TxnOffsetCommitRequestTopic
	for name, id := range w.ids {
		topic := kmsg.NewTxnOffsetCommitRequestTopic()
		topic.Topic, topic.TopicID = name, id
		for _, p := range w.parts {
			if p.touched && p.topic == name {
				c := kmsg.NewTxnOffsetCommitRequestTopicPartition()
				c.Partition, c.Offset, c.LeaderEpoch = p.num, p.next, p.epoch
				topic.Partitions = append(topic.Partitions, c)
			}
		}
		if len(topic.Partitions) > 0 {
			topics = append(topics, topic)
		}
	}
	// The group has no members: generation -1 and no member id, as the request has them by default.
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch = w.txnID, w.app, id, epoch
	req.Topics = topics
	resp, err := req.RequestWith(ctx, w.cl)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("commit offset %s/%d: %w", t.Topic, p.Partition, err)
			}
		}
	}
	return nil
}

// apply writes the counts that were committed.
func (p *partition) apply() error {
	p.touched = false
	if len(p.dirty) == 0 {
		return nil
	}
	b := p.db.NewBatch()
	var value [8]byte
	for key, n := range p.dirty {
		binary.BigEndian.PutUint64(value[:], n)
		if err := b.Set([]byte(key), value[:], nil); err != nil {
			return err
		}
	}
	clear(p.dirty)
	return b.Commit(pebble.NoSync)
}

func (w *worker) closeAll() error {
	if w.cl != nil {
		w.cl.Close()
	}
	var errs []error
	for _, p := range w.parts {
		if p.db != nil {
			errs = append(errs, p.db.Close())
		}
	}
	return errors.Join(errs...)
}

// quiet drops what Pebble tells of its work.
type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(string, ...any)             {}
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
