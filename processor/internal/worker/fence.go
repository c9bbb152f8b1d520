package worker

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Who dies in the middle of a transaction leaves offsets behind that are pending, and whoever takes its tasks over waits for them: until the
// transaction is ended for it, or times out.

// fenceAfter is how long offsets may stay unstable before the transactions of members that are gone are ended for them.
const fenceAfter = 500 * time.Millisecond

// fence ends the transactions of members that are gone, as the leader of the group has named them: the offsets of their tasks
// stay unstable until then, or until the transactions time out.
func (s *session) fence(ctx context.Context) {
	for _, id := range s.balancer.Fence() {
		if id == s.group.TransactionalID || !s.fenceOnce(id, true) {
			continue
		}
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID, req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = &id, int32(s.cfg.TransactionTimeout.Milliseconds()), -1, -1
		resp, err := req.RequestWith(ctx, s.cl)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		// Brokers answer with concurrent transactions while they do what they were asked for.
		if err != nil && !errors.Is(err, kerr.ConcurrentTransactions) {
			s.log.Warn("could not end the transaction of a member that is gone: trying again, or waiting for its time-out", "transactional id", id, "err", err)
			s.fenceOnce(id, false)
			continue
		}
		s.log.Info("ended the transaction of a member that is gone", "transactional id", id)
	}
}

// fenceOnce notes whether id is fenced, and reports whether that is news.
func (s *session) fenceOnce(id string, fenced bool) bool {
	s.offMu.Lock()
	defer s.offMu.Unlock()
	was := s.fenced[id]
	s.fenced[id] = fenced
	return was != fenced
}

// settleWait is how long settle waits at most: the worker's other tasks wait with it.
const settleWait = 500 * time.Millisecond

// settle waits until no offsets of what was assigned are pending: the client is about to ask for them, and if it found them pending, it would ask
// again only a second later. Those of a member that has given a task up in peace may be so for some milliseconds, because its
// broker confirms the end of a transaction before it is done with it. If they still are at the second look, the transactions of members
// that are gone are ended.
func (s *session) settle(added map[string][]int32) {
	if len(added) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, settleWait)
	defer cancel()
	for look, wait := 1, 5*time.Millisecond; ; look, wait = look+1, 2*wait {
		pending, err := s.cfg.View.Pending(ctx, s.cl, added)
		if err != nil || !pending {
			return // the client asks anyway, and says what is wrong
		}
		if look > 1 {
			s.fence(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}
