package txn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/internal/backoff"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/processor/report"
)

// Offset is the next offset to read of a partition, with the metadata that is committed beside it.
type Offset struct {
	Topic       string
	TopicID     [16]byte
	Partition   int32
	Offset      int64
	LeaderEpoch int32 // -1 if unknown
	Metadata    string
}

// Group says how a commit reaches the consumer group.
type Group struct {
	Client          *kgo.Client
	Name            string
	InstanceID      string // static member name; "" without
	TransactionalID string
	// ImplicitAdd: the broker has transaction.version 2 and adds the group to the transaction by
	// itself (KIP-890).
	ImplicitAdd bool
	Points      failpoint.Points
}

// Outcome says what became of a commit.
type Outcome int

const (
	// Committed: the broker confirmed it.
	Committed Outcome = iota
	// Aborted: nothing of it is visible, and the transaction was or must be aborted. The worker
	// rewinds.
	Aborted
	// Unknown: the broker may have committed or not. Only a new client with the same transactional
	// id, and then a stable offset fetch, can tell; the overlays must not be applied.
	Unknown
)

// CommitTransaction flushes nothing and begins nothing: it commits offsets into the open
// transaction and ends it. Call it after Flush, strictly between a poll and AllowRebalance: no
// callback has run since the records were polled, so a higher generation of the same member id
// means a cooperative join in the background, in which what was processed is still owned. Any other
// change of the membership is an abort.
//
// ctx ends the waiting for answers to the offset commit; the end of the transaction is never
// cancelled.
func (p *Producer) CommitTransaction(ctx context.Context, g Group, offsets []Offset) (Outcome, error) {
	if err := p.sameProducer(ctx); err != nil {
		return Aborted, err
	}
	if err := g.Points.Hit(failpoint.BeforeOffsetCommit); err != nil {
		return Aborted, err
	}
	if len(offsets) > 0 {
		if !g.ImplicitAdd {
			if err := p.addOffsets(ctx, g); err != nil {
				return Aborted, err
			}
		}
		if err := p.commitOffsets(ctx, g, offsets); err != nil {
			return Aborted, err
		}
	}
	if err := g.Points.Hit(failpoint.AfterOffsetCommit); err != nil {
		return Aborted, err
	}
	if err := g.Points.Hit(failpoint.BeforeEndTxn); err != nil {
		return Aborted, err
	}
	if err := p.sameProducer(ctx); err != nil {
		return Aborted, err
	}
	// EndTransaction turns a commit into an abort, and returns nil, when no produce succeeded; but
	// then Flush has failed before. Flush also sees to it that it does not miss one that did.
	if err := p.cl.EndTransaction(context.WithoutCancel(ctx), kgo.TryCommit); err != nil {
		return Unknown, fmt.Errorf("end transaction: %w", err)
	}
	p.committed = true
	if err := g.Points.Hit(failpoint.AfterEndTxn); err != nil {
		return Unknown, err
	}
	return Committed, nil
}

// Done releases the transaction's memory. Call it after a commit has been applied.
func (p *Producer) Done() { p.reset() }

// Abort drops what was produced and aborts the open transaction. After an error the client is not
// to be used again; the broker aborts the transaction when it times out, or when its id is taken
// over. ctx may end the waiting for it.
func (p *Producer) Abort(ctx context.Context) error {
	defer p.forget()
	if !p.inTxn {
		return nil
	}
	if p.err != nil { // there is none, and the next one would not begin either
		return p.err
	}
	if err := p.cl.AbortBufferedRecords(ctx); err != nil {
		return fmt.Errorf("abort buffered records: %w", err)
	}
	if err := p.await(ctx, abortWait); err != nil {
		return err
	}
	if !p.transactional {
		return nil
	}
	if err := p.cl.EndTransaction(ctx, kgo.TryAbort); err != nil {
		return fmt.Errorf("abort transaction: %w", err)
	}
	return nil
}

func (p *Producer) addOffsets(ctx context.Context, g Group) error {
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = g.TransactionalID, p.id, p.epoch, g.Name
	return retry(ctx, func() error {
		resp, err := req.RequestWith(ctx, g.Client)
		if err != nil {
			return fmt.Errorf("add offsets to transaction: %w", err)
		}
		return kerr.ErrorForCode(resp.ErrorCode)
	}, func(err error) bool { return retriable(err) || errors.Is(err, kerr.ConcurrentTransactions) })
}

func (p *Producer) commitOffsets(ctx context.Context, g Group, offsets []Offset) error {
	member, generation := g.Client.GroupMetadata()
	if member == "" {
		// The broker would take it for a commit without a group: unfenced.
		return report.ErrNotMember
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch = g.TransactionalID, g.Name, p.id, p.epoch
	req.MemberID, req.Generation = member, generation
	if g.InstanceID != "" {
		req.InstanceID = &g.InstanceID
	}
	for _, o := range offsets {
		n := len(req.Topics)
		if n == 0 || req.Topics[n-1].Topic != o.Topic {
			t := kmsg.NewTxnOffsetCommitRequestTopic()
			t.Topic, t.TopicID = o.Topic, o.TopicID
			req.Topics = append(req.Topics, t)
			n++
		}
		part := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		part.Partition, part.Offset, part.LeaderEpoch, part.Metadata = o.Partition, o.Offset, o.LeaderEpoch, &o.Metadata
		req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, part)
	}
	return retry(ctx, func() error {
		resp, err := req.RequestWith(ctx, g.Client)
		if err != nil {
			return fmt.Errorf("transactional offset commit: %w", err)
		}
		for _, t := range resp.Topics {
			for _, part := range t.Partitions {
				if err := kerr.ErrorForCode(part.ErrorCode); err != nil {
					return fmt.Errorf("transactional offset commit of %s/%d: %w", name(offsets, t.Topic, t.TopicID), part.Partition, err)
				}
			}
		}
		return nil
	}, func(err error) bool { return stillMember(g.Client, member, &req.Generation, err) })
}

// CommitOffsets commits offsets without a transaction: for an interval that produced nothing, and
// for at-least-once after a successful Flush. An error means that nothing was committed; what was
// processed stays uncommitted and is no less valid.
func CommitOffsets(ctx context.Context, g Group, offsets []Offset) error {
	if err := g.Points.Hit(failpoint.BeforeOffsetCommit); err != nil {
		return err
	}
	member, generation := g.Client.GroupMetadata()
	if member == "" {
		return report.ErrNotMember
	}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = g.Name, member, generation
	if g.InstanceID != "" {
		req.InstanceID = &g.InstanceID
	}
	for _, o := range offsets {
		n := len(req.Topics)
		if n == 0 || req.Topics[n-1].Topic != o.Topic {
			t := kmsg.NewOffsetCommitRequestTopic()
			t.Topic, t.TopicID = o.Topic, o.TopicID
			req.Topics = append(req.Topics, t)
			n++
		}
		part := kmsg.NewOffsetCommitRequestTopicPartition()
		part.Partition, part.Offset, part.LeaderEpoch, part.Metadata = o.Partition, o.Offset, o.LeaderEpoch, &o.Metadata
		req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, part)
	}
	err := retry(ctx, func() error {
		resp, err := req.RequestWith(ctx, g.Client)
		if err != nil {
			return fmt.Errorf("offset commit: %w", err)
		}
		for _, t := range resp.Topics {
			for _, part := range t.Partitions {
				if err := kerr.ErrorForCode(part.ErrorCode); err != nil {
					return fmt.Errorf("offset commit of %s/%d: %w", name(offsets, t.Topic, t.TopicID), part.Partition, err)
				}
			}
		}
		return nil
	}, func(err error) bool { return stillMember(g.Client, member, &req.Generation, err) })
	if err != nil {
		return err
	}
	return g.Points.Hit(failpoint.AfterOffsetCommit)
}

// name returns the name of a topic that an answer may give by its id alone.
func name(offsets []Offset, topic string, id [16]byte) string {
	for _, o := range offsets {
		if topic == "" && o.TopicID == id {
			return o.Topic
		}
	}
	return topic
}

// stillMember reports whether a failed commit may be tried again, and brings the generation up to
// date.
func stillMember(cl *kgo.Client, member string, generation *int32, err error) bool {
	if retriable(err) {
		return true
	}
	// A join in the background: it needs no callback of ours to complete, and what was processed is
	// still owned until one runs.
	if !errors.Is(err, kerr.IllegalGeneration) && !errors.Is(err, kerr.RebalanceInProgress) {
		return false
	}
	m, g := cl.GroupMetadata()
	*generation = g
	return m == member
}

// retriable errors leave it open whether the request was applied; the requests of this file may be
// applied twice.
func retriable(err error) bool {
	var ke *kerr.Error
	if !errors.As(err, &ke) {
		return false // the client has retried what it could
	}
	switch ke {
	case kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable, kerr.NotCoordinator, kerr.RequestTimedOut, kerr.UnknownTopicOrPartition,
		kerr.NetworkException, kerr.NotEnoughReplicas, kerr.ConcurrentTransactions:
		return true
	}
	return false
}

// retry calls do until it succeeds, fails for good, or ctx ends; at most for about ten seconds.
func retry(ctx context.Context, do func() error, again func(error) bool) error {
	deadline := 10 * time.Second
	for pause := backoff.New(time.Millisecond, 100*time.Millisecond); ; {
		err := do()
		if err == nil || !again(err) {
			return err
		}
		wait := pause.Next()
		if deadline -= wait; deadline < 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}
