package changelog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/internal/backoff"
)

// errPastStart ends a read below the log's start; the caller looks at the bounds again.
var errPastStart = errors.New("changelog: position is below the log's start")

// part is a partition that is read. Its fields are guarded by the reader's mutex.
type part struct {
	topic     string
	id        [16]byte
	partition int32

	next      int64 // the next offset to fetch
	leader    int32 // -1: to be looked up
	inflight  bool
	queue     []chunk
	queued    int64
	err       error // ends the read once the queue is empty
	status    string
	held      bool            // by an open transaction
	missing   time.Time       // since when the brokers do not know the topic
	again     backoff.Backoff // grows with failures, one after another
	notBefore time.Time       // after a failure: when to look for the leader again
	sparse    bool            // the log has no remote part, which may be slow to answer
	holes     int             // answers without data below the stable offset, one after another
	removed   bool

	notify chan struct{} // capacity 1; may be shared between parts
}

func (p *part) wake() {
	select {
	case p.notify <- struct{}{}:
	default:
	}
}

// chunk is what one fetch brought of one partition. next is the position after it, whatever the
// records are.
type chunk struct {
	records []*kgo.Record
	next    int64
	held    int64 // bytes in the reader's budget
}

// reader fetches many partitions, one request at a time for each broker, and holds what came until
// it is taken.
//
// It does not use the client's consumer: that shows no position but those of records, and past
// aborted data and compacted tails there are none.
type reader struct {
	client *kgo.Client
	cfg    Config
	done   chan struct{}
	ctx    context.Context // ends with done
	cancel context.CancelFunc
	wg     sync.WaitGroup
	lookup chan struct{} // capacity 1: some part has no leader

	mu    sync.Mutex
	parts []*part
	nodes map[int32]*node
	held  int64 // bytes of chunks not released, and of requests on their way
}

// node is a broker that leads partitions.
type node struct {
	id    int32
	ready chan struct{} // capacity 1
	turn  int           // rotates the order of partitions, since brokers cut long answers off
}

func newReader(client *kgo.Client, cfg Config) *reader {
	r := &reader{client: client, cfg: cfg, done: make(chan struct{}), lookup: make(chan struct{}, 1), nodes: map[int32]*node{}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.wg.Go(r.resolve)
	return r
}

func (r *reader) stop() {
	close(r.done)
	r.cancel()
	r.wg.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.parts {
		p.wake()
	}
}

func (r *reader) stopped() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// add starts reading a partition at offset next. notify gets a token whenever take may have
// something new.
//
// An answer without records, below the stable offset, is believed when it has come twice:
// compaction has removed the rest, or the broker keeps offsets for itself. sparse says that the
// topic is certain to have no remote storage, where such an answer can be a time-out; otherwise the
// broker is asked whether the position lies in the local part of the log.
func (r *reader) add(topic string, id [16]byte, partition int32, next int64, sparse bool, notify chan struct{}) *part {
	p := &part{topic: topic, id: id, partition: partition, next: next, sparse: sparse, leader: -1, notify: notify,
		again: backoff.New(10*time.Millisecond, r.cfg.Backoff), status: "its leader to be looked up"}
	r.mu.Lock()
	r.parts = append(r.parts, p)
	r.mu.Unlock()
	signal(r.lookup)
	return p
}

// remove ends the reading of a partition and drops what was fetched.
func (r *reader) remove(p *part) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.removed = true
	for i, q := range r.parts {
		if q == p {
			r.parts = append(r.parts[:i], r.parts[i+1:]...)
			break
		}
	}
	r.held -= p.queued
	p.queue, p.queued = nil, 0
	r.wakeNodes()
}

// take returns the next chunk, if there is one, or the error that ended the reading. The chunk
// counts in the budget until it is released.
func (r *reader) take(p *part) (c chunk, ok bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(p.queue) > 0 {
		c = p.queue[0]
		p.queue[0] = chunk{}
		p.queue = p.queue[1:]
		p.queued -= c.held
		if n := r.nodes[p.leader]; n != nil {
			signal(n.ready)
		}
		return c, true, nil
	}
	if r.stopped() {
		return chunk{}, false, ErrClosed
	}
	return chunk{}, false, p.err
}

// release gives bytes of taken chunks back to the budget.
func (r *reader) release(held int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held -= held
	r.wakeNodes()
}

// batchBytes is how much a follower may collect before it applies: so little that all together hold
// half of the memory, and fetching goes on.
func (r *reader) batchBytes() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return min(r.cfg.BatchBytes, r.cfg.Memory/2/int64(max(1, len(r.parts))))
}

// isHeld tells if an open transaction holds p back.
func (r *reader) isHeld(p *part) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return p.held
}

// why says what p waits for.
func (r *reader) why(p *part) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return p.status
}

func (r *reader) wakeNodes() {
	for _, n := range r.nodes {
		signal(n.ready)
	}
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// fetchLoop reads the partitions that a broker leads.
func (r *reader) fetchLoop(n *node) {
	pause := backoff.New(time.Millisecond, r.cfg.Backoff)
	for {
		parts := r.choose(n)
		if len(parts) == 0 {
			select {
			case <-n.ready:
				continue
			case <-r.done:
				return
			}
		}
		req, sent := r.request(parts), time.Now()
		resp, err := r.client.Broker(int(n.id)).Request(r.ctx, req)
		if r.stopped() {
			return
		}
		progress := false
		if err == nil {
			fetched := resp.(*kmsg.FetchResponse)
			if err = kerr.ErrorForCode(fetched.ErrorCode); err == nil {
				progress = r.handle(parts, fetched)
			}
		}
		r.finish(parts, err)
		// An answer without anything comes after FetchWait. A broker that answers sooner, again and
		// again, is given a rest.
		if progress || err != nil || time.Since(sent) >= r.cfg.FetchWait/2 {
			pause.Reset()
			continue
		}
		select {
		case <-time.After(pause.Next()):
		case <-r.done:
			return
		}
	}
}

// choose returns the partitions that the broker leads and that have room, and reserves memory for
// the answer.
func (r *reader) choose(n *node) (parts []*part) {
	r.mu.Lock()
	defer r.mu.Unlock()
	limit := int64(r.cfg.FetchBytes)
	if r.held > 0 && r.held+limit > r.cfg.Memory {
		return nil // somebody will release some
	}
	for _, p := range r.parts {
		if p.leader == n.id && !p.inflight && p.err == nil && p.queued < limit {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return nil
	}
	n.turn = (n.turn + 1) % len(parts)
	parts = append(parts[n.turn:len(parts):len(parts)], parts[:n.turn]...)
	for _, p := range parts {
		p.inflight = true
	}
	r.held += limit
	return parts
}

func (r *reader) request(parts []*part) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID = -1
	req.MaxWaitMillis = int32(r.cfg.FetchWait.Milliseconds())
	req.MinBytes = 1
	req.MaxBytes = maxResponse
	req.IsolationLevel = 1
	req.SessionID, req.SessionEpoch = 0, -1
	// The limit of the whole answer is left to those of the partitions: it would starve the last
	// ones, and the embedded broker leaves out which records were aborted when it cuts an answer
	// off in the middle of a partition.
	share := max(r.cfg.FetchBytes/int32(len(parts)), min(r.cfg.FetchBytes, leastShare))
	index := map[string]int{}
	for _, p := range parts {
		i, ok := index[p.topic]
		if !ok {
			i = len(req.Topics)
			index[p.topic] = i
			t := kmsg.NewFetchRequestTopic()
			t.Topic, t.TopicID = p.topic, p.id
			req.Topics = append(req.Topics, t)
		}
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes = p.partition, p.next, share
		rp.CurrentLeaderEpoch, rp.LastFetchedEpoch = -1, -1
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, rp)
	}
	return req
}

// finish ends a request: memory reserved for it is given back, and after an error the leaders are
// looked up again. The memory of what came has been counted before.
func (r *reader) finish(parts []*part, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held -= int64(r.cfg.FetchBytes)
	for _, p := range parts {
		p.inflight = false
		if err != nil {
			r.lost(p, err)
		}
	}
	r.wakeNodes()
}

// handle takes in an answer and tells if there was anything to do for any partition.
func (r *reader) handle(parts []*part, resp *kmsg.FetchResponse) (progress bool) {
	type key struct {
		topic     string
		partition int32
	}
	asked := make(map[key]*part, len(parts))
	names := make(map[[16]byte]string, len(parts))
	for _, p := range parts {
		asked[key{p.topic, p.partition}] = p
		names[p.id] = p.topic
	}
	empty := true
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			empty = empty && len(resp.Topics[i].Partitions[j].RecordBatches) == 0
		}
	}
	for i := range resp.Topics {
		t := &resp.Topics[i]
		name := t.Topic
		if resp.Version >= 13 {
			name = names[t.TopicID]
		}
		for j := range t.Partitions {
			if p := asked[key{name, t.Partitions[j].Partition}]; p != nil {
				// a partition answered twice counts once
				delete(asked, key{name, t.Partitions[j].Partition})
				progress = r.handlePartition(p, &t.Partitions[j], empty && resp.ThrottleMillis == 0) || progress
			}
		}
	}
	return progress
}

// handlePartition takes in what came for one partition; empty says that the broker had nothing at
// all to send.
func (r *reader) handlePartition(p *part, rp *kmsg.FetchResponseTopicPartition, empty bool) (progress bool) {
	if err := kerr.ErrorForCode(rp.ErrorCode); err != nil {
		r.failed(p, err)
		return false
	}
	fp, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		KeepControlRecords: true,
		// only this goroutine changes it while the request is on its way
		Offset:         p.next,
		IsolationLevel: kgo.ReadCommitted(),
		Topic:          p.topic,
		Partition:      p.partition,
	}, rp, kgo.DefaultDecompressor(), nil)

	var held int64
	for _, rec := range fp.Records {
		held += recordOverhead + int64(len(rec.Key)+len(rec.Value))
	}
	stable := rp.LastStableOffset
	if stable < 0 {
		stable = rp.HighWatermark
	}

	// The broker says that there is committed data and has none. Once more, then believe it.
	hole := empty && fp.Err == nil && next == p.next && next < stable
	believed := hole && p.holes >= 1 && (p.sparse || r.local(p)) // nobody else changes these

	r.mu.Lock()
	defer r.mu.Unlock()
	if p.removed {
		return false
	}
	p.missing = time.Time{}
	p.again.Reset()
	if hole {
		if p.holes++; believed {
			next = stable
		}
	} else {
		p.holes = 0
	}
	if next > p.next {
		p.queue = append(p.queue, chunk{records: fp.Records, next: next, held: held})
		p.queued += held
		r.held += held
		p.next = next
		progress = true
	}
	p.held = stable < rp.HighWatermark && p.next >= stable
	switch {
	case fp.Err != nil:
		p.err = &PoisonError{Topic: p.topic, Partition: p.partition, Offset: next, Err: fp.Err}
	case p.held:
		p.status = fmt.Sprintf("an open transaction that holds records back from offset %d", stable)
	default:
		p.status = "records"
	}
	if progress || p.err != nil {
		p.wake()
	}
	return progress
}

// local reports whether the position of p, which no request is on its way for, lies in the part of
// the log that the leader has itself. A broker that does not know the question has no other.
func (r *reader) local(p *part) bool {
	const earliestLocal, since = -4, 8 // KIP-405
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = p.topic
	q := kmsg.NewListOffsetsRequestTopicPartition()
	q.Partition, q.Timestamp, q.CurrentLeaderEpoch = p.partition, earliestLocal, -1
	t.Partitions = append(t.Partitions, q)
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(r.ctx, r.client.Broker(int(p.leader)))
	if err != nil || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return false
	}
	answer := resp.Topics[0].Partitions[0]
	err = kerr.ErrorForCode(answer.ErrorCode)
	if resp.Version < since || errors.Is(err, kerr.UnsupportedVersion) {
		return true
	}
	return err == nil && answer.Offset >= 0 && answer.Offset <= p.next
}

const (
	// leastShare is how much of an answer a partition gets at least, however many there are.
	leastShare = 16 << 10
	// maxResponse is the limit of a whole answer: brokers have their own.
	maxResponse = 1 << 29
)

// recordOverhead is about what a record takes in memory beside its bytes.
const recordOverhead = 200

// failed takes in a broker's error for a partition.
func (r *reader) failed(p *part, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		p.err = errPastStart
	case kerr.IsRetriable(err), errors.Is(err, kerr.UnknownServerError):
		r.lost(p, err)
		return
	default:
		p.err = fmt.Errorf("changelog: fetch %s/%d: %w", p.topic, p.partition, err)
	}
	p.wake()
}

// lost sends a partition back to the search for its leader, after a pause that grows with each
// failure.
func (r *reader) lost(p *part, err error) {
	p.leader = -1
	p.status = fmt.Sprintf("broker: %v", err)
	p.notBefore = time.Now().Add(p.again.Next())
	signal(r.lookup)
}
