package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/kolkstream/kolk/processor/internal/assign"
	"github.com/kolkstream/kolk/processor/internal/cluster"
	"github.com/kolkstream/kolk/processor/internal/txn"
)

// mostDetails is how many bytes a member tells the group of what its plan consists of: a hundred
// stores take half of that. Brokers bound what all members say together.
const mostDetails = 4 << 10

// connect makes the session's client. It joins the group with the first poll.
func (s *session) connect() error {
	s.topics = s.sources(s.cfg.Plan)
	s.group = txn.Group{Name: s.cfg.App, InstanceID: s.member(), TransactionalID: s.transactionalID(), ImplicitAdd: s.cfg.View.Transactions2, Points: s.cfg.Points}
	contract := s.cfg.Plan.Contract
	details := string(contract.Pack())
	if len(details) > mostDetails {
		details = ""
	}
	s.balancer = assign.New(assign.Config{
		Subs: s.subs(s.cfg.Plan), Process: s.cfg.Instance, Worker: int32(s.cfg.Index), TransactionalID: s.group.TransactionalID, Plan: contract.Fingerprint(),
		Details:    details,
		Siblings:   s.cfg.Siblings,
		Partitions: s.cfg.View.Partitions,
		OnRefused:  func(r assign.Refusal) { s.notices.refused.Store(&r); s.wake() },
		OnBehind:   func() { s.notices.behind.Store(true); s.wake() },
		OnOrphans:  func() { s.notices.orphans.Store(true); s.wake() },
	})
	s.balancer.SetHeld(s.cfg.Dir.Held())
	fetched := &slabs{}
	opts := append([]kgo.Opt{
		kgo.ConsumerGroup(s.cfg.App),
		kgo.InstanceID(s.group.InstanceID),
		kgo.ConsumeTopics(s.topics...),
		kgo.Balancers(s.balancer),
		kgo.BlockRebalanceOnPoll(),
		kgo.DisableAutoCommit(),
		kgo.DisableClientMetrics(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		// A partition without a committed offset is read from its start. One whose committed offset
		// is gone is an error: data is lost.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		// A newly assigned partition waits for the long poll of those that had nothing; every one
		// of them costs an idle process a tenth of a millisecond and more.
		kgo.FetchMaxWait(300 * time.Millisecond),
		kgo.FetchMaxBytes(s.cfg.Memory.Fetch),
		kgo.FetchMaxPartitionBytes(s.cfg.Memory.FetchPartition),
		kgo.SessionTimeout(s.cfg.Times.Session),
		kgo.HeartbeatInterval(s.cfg.Times.Heartbeat()),
		kgo.RebalanceTimeout(s.cfg.Times.Rebalance()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		// A full batch goes out at once, and every one with the commit: nobody waits for this.
		// Where a task writes to many partitions, shorter waits make many small batches, each of
		// which costs the broker as much as a large one; after longer ones the records are not in
		// the processor's caches any more.
		kgo.ProducerLinger(20 * time.Millisecond),
		kgo.MaxBufferedRecords(500_000),
		kgo.ProducerBatchMaxBytesFn(s.cfg.View.BatchBytes),
		// A message that the broker refuses for now is sent again after a look at the metadata, and
		// the client looks no more often than this. Apache Kafka refuses the first messages of a
		// transaction as long as it is still finishing the one before, which takes a while with
		// many partitions.
		kgo.MetadataMinAge(50 * time.Millisecond),
		// It counts looks while a partition has no leader or is not known; with 50 ms between them
		// these are 20 s, as by default.
		kgo.UnknownTopicRetries(400),
		kgo.OnPartitionsAssigned(s.callbacks.guard(s.onAssigned)),
		kgo.OnPartitionsRevoked(s.callbacks.guard(s.onRevoked)),
		kgo.OnPartitionsLost(s.callbacks.guard(s.onLost)),
		kgo.OnPartitionsCallbackBlocked(func(context.Context, *kgo.Client) { s.notices.meets.Store(true); s.wake() }),
		kgo.OnOffsetsFetched(func(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
			return s.offsets.note(resp, s.cfg.App, s.cfg.View.Name)
		}),
		kgo.WithPools(fetched),
		kgo.WithHooks(s.cfg.Siblings.Hook(int32(s.cfg.Index)), fetched),
		s.compressor(),
	}, s.cfg.Client...)
	if s.cfg.ExactlyOnce {
		opts = append(opts, kgo.TransactionalID(s.group.TransactionalID), kgo.TransactionTimeout(s.cfg.Times.Transaction))
	}
	if !s.cfg.View.Transactions2 {
		v := kversion.Stable()
		// TxnOffsetCommit v5 adds the group implicitly, which such a broker does not know
		v.SetMaxKeyVersion(28, 4)
		opts = append(opts, kgo.MaxVersions(v))
	}
	var err error
	if s.cl, err = kgo.NewClient(opts...); err != nil {
		return fmt.Errorf("kafka client: %w", err)
	}
	s.group.Client = s.cl
	s.producer = txn.NewProducer(s.cl, s.cfg.ExactlyOnce)
	return nil
}

// recover takes over the transactional id: the broker completes or aborts what an earlier client
// left open, and fences it.
func (s *session) recover() error {
	if !s.cfg.ExactlyOnce {
		return nil
	}
	return cluster.Wait(s.ctx, s.log, "the transaction coordinator", func(ctx context.Context) error {
		_, _, err := s.cl.ProducerID(ctx)
		return err
	})
}

// leave ends a session in peace, with the last commit.
func (s *session) leave() error {
	if s.tempo.dirty() {
		if err := s.commit(); err != nil {
			var reset *errReset
			if !errors.As(err, &reset) {
				return err
			}
			// The outcome is found by whoever runs the tasks next.
			s.log.Warn("the last commit before the shutdown", "err", err)
			return nil
		}
	}
	// Whoever starts a program after this one, as scripts do with bounded runs, finds all results.
	ctx, cancel := context.WithTimeout(s.hard, visibleWait)
	defer cancel()
	if err := s.producer.AwaitVisible(ctx, s.group); err != nil && s.hard.Err() == nil {
		s.log.Warn("what was committed last is perhaps not visible yet to those who read it", "err", err)
	}
	return nil
}

// visibleWait is how long a shutdown waits at most for a broker that has a transaction to finish.
const visibleWait = 2 * time.Second

// closeSoon is how long a client takes to close if nothing is in its way, closeWait how long it
// may.
const (
	closeSoon = 200 * time.Millisecond
	closeWait = 5 * time.Second
)

func await(done <-chan struct{}, atMost time.Duration) bool {
	select {
	case <-done:
		return true
	case <-time.After(atMost):
		return false
	}
}

// close ends the client and gives the databases back, whatever the session has come to.
func (s *session) close(err error) {
	// First the client: no callback runs after it, and if it is left behind they do nothing.
	s.callbacks.begin()
	closed := make(chan struct{})
	go func() { defer close(closed); s.cl.CloseAllowingRebalance() }()
	for deadline := time.Now().Add(closeWait); !await(closed, closeSoon); {
		if time.Now().After(deadline) {
			s.log.Warn("the client does not close: left behind")
			break
		}
		// The group meets and waits for a member, perhaps for another worker of this process that
		// is closed already.
		if s.ctx.Err() != nil {
			s.cfg.Leave()
		}
	}
	s.callbacks.end()
	var reset *errReset
	if s.ctx.Err() != nil || err != nil && !errors.As(err, &reset) { // it does not come back
		s.cfg.Events.Closed(s.cfg.Index)
	}
	for _, r := range s.tasks.all {
		s.stopTask(r)
	}
	s.tasks.all = nil
	s.errands.close()
	s.openings.close()
	s.cfg.Events.Assigned(s.cfg.Index, nil)
}

// fetchError decides about an error of the consumer: nil to go on.
func (s *session) fetchError(topic string, partition int32, err error) error {
	var (
		lost    *kgo.ErrDataLoss
		session *kgo.ErrGroupSession
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return nil
	case errors.Is(err, kgo.ErrClientClosed):
		return &errReset{err: err}
	case errors.Is(err, kerr.OffsetOutOfRange), errors.As(err, &lost):
		return fmt.Errorf("input is lost: the committed offset of %s/%d is not on the broker any more (%w). The topic's retention has passed it, or the topic was truncated; choose where to go on by committing an offset for group %q", topic, partition, err, s.cfg.App)
	case (errors.Is(err, kerr.UnknownTopicID) || errors.Is(err, kerr.UnknownTopicOrPartition)) && s.cfg.Run == nil && s.found(topic):
		return s.gone(topic)
	case errors.Is(err, kerr.UnknownTopicID):
		return fmt.Errorf("topic %s was deleted or made anew while it was read: %w", topic, err)
	case errors.As(err, &session):
		var foreign *foreignOffsets
		if errors.As(err, &foreign) {
			return foreign.error
		}
		if errors.Is(err, kerr.FencedInstanceID) {
			return &errReset{err: fmt.Errorf("another process joined the group as %q: %w", s.group.InstanceID, err)}
		}
		if errors.Is(err, kerr.InconsistentGroupProtocol) || errors.Is(err, kerr.GroupAuthorizationFailed) || errors.Is(err, kerr.InvalidSessionTimeout) {
			return fmt.Errorf("group %q: %w", s.cfg.App, err)
		}
		s.sessionFailed(err)
		return nil
	case kerr.IsRetriable(err), kgo.IsRetryableBrokerErr(err):
		s.log.Debug("fetch", "topic", topic, "partition", partition, "err", err)
		return nil
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return fmt.Errorf("read topic %s: %w", topic, err)
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("topic %s was deleted while it was read: %w", topic, err)
	}
	return fmt.Errorf("read %s/%d: %w", topic, partition, err)
}

// sessionFailed says why the group session has ended.
func (s *session) sessionFailed(err error) {
	if thrownOut(err) {
		s.log.Warn("thrown out of the group for silence: joining again", "partitions lost", s.lost, "err", err)
	} else {
		s.log.Warn("no contact to the group: joining again", "partitions given up", s.lost, "err", err)
	}
	s.lost = 0
}
