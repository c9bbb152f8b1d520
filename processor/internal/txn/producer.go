// Package txn is the commit protocol of a worker: what its tasks produce, the offsets of what they
// consumed and the end of both, as one Kafka transaction (docs/adr/0003, 0014).
//
// A [Producer] belongs to one worker and one kgo.Client. It is used by the worker's goroutine only.
package txn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/backoff"
	"github.com/kolkstream/kolk/processor/report"
)

// Producer appends the messages of a worker's tasks to the current transaction, which begins with
// the first of them.
//
// Messages are copied into memory that is used again once the broker has them: producing does not
// allocate in the steady state.
type Producer struct {
	cl            *kgo.Client
	transactional bool

	inTxn     bool
	committed bool // a transaction, and nobody has waited until it can be read
	id        int64
	epoch     int16
	err       error // of Begin: reported by Commit
	failed    atomic.Pointer[report.ProduceError]

	topics []*tails // few; the last one used comes first
	arena  arena
}

// tails are the last records of this transaction by partition of a topic.
type tails struct {
	topic      string
	partitions []tail
	known      bool // by the client: see await
}

// tail is the last record for a partition: nil if there is none, or if its chunk has been used
// again since it was acknowledged; end is then the offset after it.
type tail struct {
	record *kgo.Record
	chunk  *chunk
	end    int64
}

// tail returns the tail of a partition.
func (p *Producer) tail(topic string, partition int32) *tail {
	for i, t := range p.topics {
		if t.topic != topic {
			continue
		}
		if i > 0 {
			p.topics[0], p.topics[i] = t, p.topics[0]
		}
		for int(partition) >= len(t.partitions) {
			t.partitions = append(t.partitions, tail{})
		}
		return &t.partitions[partition]
	}
	p.topics = append(p.topics, &tails{topic: topic})
	return p.tail(topic, partition)
}

// settle keeps the ends that lie in a chunk, all of which is acknowledged.
func (p *Producer) settle(c *chunk) {
	for _, t := range p.topics {
		for i := range t.partitions {
			if t := &t.partitions[i]; t.chunk == c {
				*t = tail{end: t.record.Offset + 1}
			}
		}
	}
}

// NewProducer returns the producer of a worker. Without transactions (at-least-once) the same calls
// produce directly.
func NewProducer(cl *kgo.Client, transactional bool) *Producer {
	p := &Producer{cl: cl, transactional: transactional}
	p.arena.failed, p.arena.settle = p.fail, p.settle
	return p
}

// Produce appends a message to the transaction, and begins one if there is none. Everything is
// copied before it returns. It blocks while the client's buffers are full. Errors show at the
// commit.
func (p *Producer) Produce(topic string, partition int32, key, value []byte, timestamp int64, headers []kgo.RecordHeader) {
	if !p.inTxn {
		p.begin()
	}
	if p.err != nil {
		return
	}
	r, c := p.place(topic, partition, key, value, timestamp, headers)
	p.cl.Produce(context.Background(), r, c.promise)
}

// place copies a message.
func (p *Producer) place(topic string, partition int32, key, value []byte, timestamp int64, headers []kgo.RecordHeader) (*kgo.Record, *chunk) {
	r, c := p.arena.record()
	*r = kgo.Record{
		Topic: topic, Partition: partition, Key: p.arena.copy(key), Value: p.arena.copy(value), Headers: p.arena.copyHeaders(c, headers),
		Timestamp: time.UnixMilli(timestamp), Context: context.Background(),
	}
	t := p.tail(topic, partition)
	t.record, t.chunk = r, c
	return r, c
}

func (p *Producer) fail(r *kgo.Record, err error) {
	if p.failed.Load() == nil {
		p.failed.CompareAndSwap(nil, &report.ProduceError{Topic: r.Topic, Partition: r.Partition, Key: bytes.Clone(r.Key), Err: err})
	}
}

func (p *Producer) begin() {
	p.inTxn = true
	if !p.transactional {
		return
	}
	if p.err = p.cl.BeginTransaction(); p.err != nil {
		p.err = fmt.Errorf("begin transaction: %w", p.err)
		return
	}
	// Asked now and again at the commit: the client may load a new producer id in the middle of a
	// transaction without failing a promise, and the transaction would then be two halves of which
	// only the second commits.
	if p.id, p.epoch, p.err = p.cl.ProducerID(context.Background()); p.err != nil {
		p.err = fmt.Errorf("producer id: %w", p.err)
	}
}

// Open reports whether a transaction has begun.
func (p *Producer) Open() bool { return p.inTxn }

// Held is about how many bytes of memory the messages take that are not known to be acknowledged.
// It is 0 between transactions.
func (p *Producer) Held() int64 { return p.arena.held }

// Failed reports whether a message of the current transaction could not be produced, as far as it
// is known now.
func (p *Producer) Failed() bool { return p.failed.Load() != nil || p.err != nil }

// End returns the offset after the last message that the current transaction appended to the
// partition; ok is false if it appended none. It is valid between Flush and the end of the
// transaction.
func (p *Producer) End(topic string, partition int32) (offset int64, ok bool) {
	t := p.tail(topic, partition)
	end := t.end
	if t.record != nil {
		end = t.record.Offset + 1 // 0: the broker did not say
	}
	return end, end > 0
}

// Flush waits until every message is acknowledged. An error means that the transaction must be
// aborted.
func (p *Producer) Flush(ctx context.Context) error {
	if p.err != nil {
		return p.err
	}
	if !p.inTxn {
		return nil
	}
	if err := p.cl.Flush(ctx); err != nil {
		return fmt.Errorf("flush the producer: %w", err)
	}
	if e := p.failed.Load(); e != nil {
		return e
	}
	return p.await(ctx, flushWait)
}

// flushWait and abortWait are how long Flush and Abort await the client's knowledge. Messages that
// are aborted may be to a topic that nobody knows; an abort that cannot be sure costs a new client,
// no more.
const (
	flushWait = 5 * time.Second
	abortWait = 50 * time.Millisecond
)

// await waits until the client knows of every partition that it has sent something to. The first
// messages to a topic are on their way, and may be acknowledged, a moment before it does (franz-go
// 1.22 stores a topic's partitions after it has handed what waited for them to its sender).
// [kgo.Client.EndTransaction] asks all partitions that it knows whether they belong to the
// transaction; if it misses the only one, it aborts the transaction, or does not end it at all, and
// calls that a success.
func (p *Producer) await(ctx context.Context, atMost time.Duration) error {
	if !p.transactional {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, atMost, errUnknownPartition)
	defer cancel()
	for _, t := range p.topics {
		if t.known {
			continue
		}
		partition := slices.IndexFunc(t.partitions, func(t tail) bool { return t.record != nil || t.end > 0 })
		if partition < 0 {
			continue // nothing was sent there
		}
		for pause := backoff.New(10*time.Microsecond, 10*time.Millisecond); ; {
			if leader, _, _ := p.cl.PartitionLeader(t.topic, int32(partition)); leader >= 0 {
				break
			}
			if err := pause.Wait(ctx); err != nil {
				return &report.ProduceError{Topic: t.topic, Partition: int32(partition), Err: err}
			}
		}
		t.known = true
	}
	return nil
}

var errUnknownPartition = errors.New("the client does not know the partition that it has sent messages to")

// Refused reports whether a message was refused for what it is: another try fails again.
func Refused(e *report.ProduceError) bool {
	return errors.Is(e.Err, kerr.InvalidTimestamp) || errors.Is(e.Err, kerr.MessageTooLarge) || errors.Is(e.Err, kerr.RecordListTooLarge) || errors.Is(e.Err, kerr.InvalidRecord)
}

// Forbidden reports whether a topic takes no message at all from this application.
func Forbidden(e *report.ProduceError) bool {
	return errors.Is(e.Err, kerr.TopicAuthorizationFailed) || errors.Is(e.Err, kerr.InvalidTopicException)
}

var errProducerIDChanged = errors.New("the client loaded a new producer id in the middle of the transaction")

// sameProducer checks that the producer id is the one seen at the beginning.
func (p *Producer) sameProducer(ctx context.Context) error {
	id, epoch, err := p.cl.ProducerID(ctx)
	if err != nil {
		return fmt.Errorf("producer id: %w", err)
	}
	if id != p.id || epoch != p.epoch {
		return errProducerIDChanged
	}
	return nil
}

// reset makes the memory free. It is called when no message is in flight any more.
func (p *Producer) reset() {
	p.inTxn, p.err = false, nil
	p.failed.Store(nil)
	for _, t := range p.topics {
		clear(t.partitions)
	}
	p.arena.reset()
}

// forget drops the memory instead: after an abort a message may still be on its way out.
func (p *Producer) forget() {
	p.arena.forget()
	p.reset()
}
