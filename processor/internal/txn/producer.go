// Package txn is the commit protocol of a worker: what its tasks produce, the offsets of what they consumed and the end of
// both, as one Kafka transaction (DESIGN section 9).
//
// A [Producer] belongs to one worker and one kgo.Client. It is used by the worker's goroutine only.
package txn

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	chunkBytes   = 256 << 10
	chunkRecords = 1024
	keepChunks   = 64 // of each kind, between transactions
)

// Producer appends the messages of a worker's tasks to the current transaction, which begins with the first of them.
//
// Keys and values are copied into chunks that are used again after the transaction has ended: producing does not allocate in
// the steady state.
type Producer struct {
	cl            *kgo.Client
	transactional bool
	acked         func(*kgo.Record, error) // promise, made once

	inTxn  bool
	id     int64
	epoch  int16
	err    error // of Begin: reported by Commit
	count  int64
	bytes  int64
	failed atomic.Pointer[produceError]

	topics []*tails // few; the last one used comes first

	chunks   [][]byte // chunk in use: the last; all of them are free again after the end
	chunk    int
	records  [][]kgo.Record
	recChunk int
	recNext  int
}

// tails are the last records of this transaction by partition of a topic.
type tails struct {
	topic   string
	records []*kgo.Record
}

// tail returns where the last record for a partition is kept.
func (p *Producer) tail(topic string, partition int32) **kgo.Record {
	for i, t := range p.topics {
		if t.topic != topic {
			continue
		}
		if i > 0 {
			p.topics[0], p.topics[i] = t, p.topics[0]
		}
		for int(partition) >= len(t.records) {
			t.records = append(t.records, nil)
		}
		return &t.records[partition]
	}
	p.topics = append(p.topics, &tails{topic: topic})
	return p.tail(topic, partition)
}

type produceError struct {
	topic     string
	partition int32
	err       error
}

// NewProducer returns the producer of a worker. Without transactions (at-least-once) the same calls produce directly.
func NewProducer(cl *kgo.Client, transactional bool) *Producer {
	p := &Producer{cl: cl, transactional: transactional}
	p.acked = p.promise
	return p
}

// Produce appends a message to the transaction, and begins one if there is none. Everything is copied before it returns.
// It blocks while the client's buffers are full. Errors show at the commit.
func (p *Producer) Produce(topic string, partition int32, key, value []byte, timestamp int64, headers []kgo.RecordHeader) {
	if !p.inTxn {
		p.begin()
	}
	if p.err != nil {
		return
	}
	r := p.record()
	*r = kgo.Record{Topic: topic, Partition: partition, Key: p.copy(key), Value: p.copy(value), Timestamp: time.UnixMilli(timestamp), Context: context.Background()}
	if len(headers) > 0 {
		r.Headers = make([]kgo.RecordHeader, len(headers))
		for i, h := range headers {
			r.Headers[i] = kgo.RecordHeader{Key: h.Key, Value: p.copy(h.Value)}
		}
	}
	*p.tail(topic, partition) = r
	p.count++
	p.bytes += int64(len(key) + len(value))
	p.cl.Produce(context.Background(), r, p.acked)
}

func (p *Producer) promise(r *kgo.Record, err error) {
	if err != nil {
		p.failed.CompareAndSwap(nil, &produceError{r.Topic, r.Partition, err})
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
	// Asked now and again at the commit: the client may load a new producer id in the middle of a transaction without failing
	// a promise, and the transaction would then be two halves of which only the second commits.
	if p.id, p.epoch, p.err = p.cl.ProducerID(context.Background()); p.err != nil {
		p.err = fmt.Errorf("producer id: %w", p.err)
	}
}

// Open reports whether a transaction has begun.
func (p *Producer) Open() bool { return p.inTxn }

// Count and Bytes are what the current transaction holds.
func (p *Producer) Count() int64 { return p.count }

// Bytes is the size of keys and values in the current transaction.
func (p *Producer) Bytes() int64 { return p.bytes }

// Failed reports whether a message of the current transaction could not be produced, as far as it is known now.
func (p *Producer) Failed() bool { return p.failed.Load() != nil || p.err != nil }

// End returns the offset after the last message that the current transaction appended to the partition; ok is false if it
// appended none. It is valid between Flush and the end of the transaction.
func (p *Producer) End(topic string, partition int32) (offset int64, ok bool) {
	r := *p.tail(topic, partition)
	if r == nil {
		return 0, false
	}
	return r.Offset + 1, true
}

// Flush waits until every message is acknowledged. An error means that the transaction must be aborted.
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
		return &ProduceError{Topic: e.topic, Partition: e.partition, Err: e.err}
	}
	return nil
}

// ProduceError is a message that could not be produced.
type ProduceError struct {
	Topic     string
	Partition int32
	Err       error
}

func (e *ProduceError) Error() string {
	return fmt.Sprintf("produce to %s/%d: %v", e.Topic, e.Partition, e.Err)
}

func (e *ProduceError) Unwrap() error { return e.Err }

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

// reset makes the chunks free. It is called when no message is in flight any more.
func (p *Producer) reset() {
	p.inTxn, p.err, p.count, p.bytes = false, nil, 0, 0
	p.failed.Store(nil)
	for _, t := range p.topics {
		clear(t.records)
	}
	for i := range p.chunks[:min(p.chunk+1, len(p.chunks))] {
		p.chunks[i] = p.chunks[i][:0]
	}
	p.chunk, p.recChunk, p.recNext = 0, 0, 0
	// A transaction that was far larger than usual does not hold its memory for ever.
	p.chunks = p.chunks[:min(len(p.chunks), keepChunks)]
	p.records = p.records[:min(len(p.records), keepChunks)]
}

// forget drops the chunks instead: after an abort a message may still be on its way out.
func (p *Producer) forget() {
	p.chunks, p.records = nil, nil
	p.chunk = 0
	p.reset()
}

func (p *Producer) record() *kgo.Record {
	if p.recNext == chunkRecords {
		p.recChunk, p.recNext = p.recChunk+1, 0
	}
	if p.recChunk == len(p.records) {
		p.records = append(p.records, make([]kgo.Record, chunkRecords))
	}
	r := &p.records[p.recChunk][p.recNext]
	p.recNext++
	return r
}

// copy returns a copy of b that lives until the transaction has ended. nil stays nil; the result is never nil otherwise.
func (p *Producer) copy(b []byte) []byte {
	if b == nil {
		return nil
	}
	if len(b) > chunkBytes/4 {
		return append(make([]byte, 0, len(b)), b...)
	}
	for {
		if p.chunk == len(p.chunks) {
			p.chunks = append(p.chunks, make([]byte, 0, chunkBytes))
		}
		c := p.chunks[p.chunk]
		if cap(c)-len(c) >= len(b) {
			n := len(c)
			c = append(c, b...)
			p.chunks[p.chunk] = c
			return c[n:len(c):len(c)]
		}
		p.chunk++
	}
}
