package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/internal/backoff"
	"github.com/kolkstream/kolk/processor/internal/cluster"
)

// Who dies in the middle of a transaction leaves offsets behind that are pending, and whoever takes
// its tasks over waits for them: until the transaction is ended for it, or times out.

// fences end the transactions of members that are gone, each once. They are safe for concurrent
// use.
type fences struct {
	cl *kgo.Client
	// the transactional ids of members that are gone, as the leader has named them
	gone    func() []string
	own     string        // the session's
	timeout time.Duration // of transactions
	log     *slog.Logger

	mu   sync.Mutex
	done map[string]bool // by transactional id
}

// fenceAfter is how long offsets may stay unstable before the transactions of members that are gone
// are ended for them.
const fenceAfter = 500 * time.Millisecond

// fence ends the transactions of members that are gone: the offsets of their tasks stay unstable
// until then, or until the transactions time out.
func (f *fences) fence(ctx context.Context) {
	for _, id := range f.gone() {
		if id == f.own || !f.once(id, true) {
			continue
		}
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID, req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = &id, int32(f.timeout.Milliseconds()), -1, -1
		resp, err := req.RequestWith(ctx, f.cl)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		// Brokers answer with concurrent transactions while they do what they were asked for.
		if err != nil && !errors.Is(err, kerr.ConcurrentTransactions) {
			f.log.Warn("could not end the transaction of a member that is gone: trying again, or waiting for its time-out", "transactional id", id, "err", err)
			f.once(id, false)
			continue
		}
		f.log.Info("ended the transaction of a member that is gone", "transactional id", id)
	}
}

// once notes whether the transaction of id is ended, and reports whether that is news.
func (f *fences) once(id string, done bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.done[id]
	f.done[id] = done
	return was != done
}

// settleWait is how long settle waits at most: the worker's other tasks wait with it.
const settleWait = 500 * time.Millisecond

// settle waits until no offsets of what was assigned are pending: the client is about to ask for
// them, and if it found them pending, it would ask again only a second later. Those of a member
// that has given a task up in peace may be so for some milliseconds, because its broker confirms
// the end of a transaction before it is done with it. If they still are at the second look, the
// transactions of members that are gone are ended.
func (f *fences) settle(ctx context.Context, view *cluster.View, added map[string][]int32) {
	if len(added) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	pause := backoff.New(5*time.Millisecond, settleWait)
	for look := 1; ; look++ {
		pending, err := view.Pending(ctx, f.cl, added)
		if err != nil || !pending {
			return // the client asks anyway, and says what is wrong
		}
		if look > 1 {
			f.fence(ctx)
		}
		if pause.Wait(ctx) != nil {
			return
		}
	}
}
