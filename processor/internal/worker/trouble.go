package worker

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/kolkstream/kolk/processor/report"
)

// errReset ends a session whose client can no longer be trusted: the outcome of a transaction is
// unknown, the producer is fenced, the membership is gone. The next session begins with a new
// client, which completes or aborts what the old one left; the tasks' databases hold committed data
// only, and what a committed transaction did not reach is restored from the changelog.
type errReset struct {
	err error
	// meant says that nothing is wrong with client and broker: the next session need not wait.
	meant bool
}

func (e *errReset) Error() string { return e.err.Error() }
func (e *errReset) Unwrap() error { return e.err }

// trouble counts what goes wrong and may go away: sessions that failed, transactions that were
// aborted. It outlives a session.
type trouble struct {
	failures []time.Time // of sessions, in the last minute
	aborts   int         // since the last commit
}

// maxAborts is how many transactions in a row may be aborted before it counts as an error that does
// not go away.
const maxAborts = 10

// failed notes that a session has failed, and returns how many have within a minute.
func (t *trouble) failed(now time.Time) int {
	t.failures = append(t.failures, now)
	for len(t.failures) > 0 && now.Sub(t.failures[0]) > time.Minute {
		t.failures = t.failures[1:]
	}
	return len(t.failures)
}

// pause is how long to wait before the next session.
func (t *trouble) pause() time.Duration {
	n := len(t.failures)
	return min(time.Duration(n*n)*50*time.Millisecond, 2*time.Second)
}

// patience is how long to wait after an abort: not after the first in a row.
func (t *trouble) patience() time.Duration {
	if t.aborts <= 1 {
		return 0
	}
	return min(time.Duration(t.aborts)*20*time.Millisecond, time.Second)
}

// mostFenced is how many sessions within a minute may end because another producer has taken over.
const mostFenced = 3

// notMember reports whether a commit failed because the worker is not the group's member any more.
func notMember(err error) bool {
	return errors.Is(err, report.ErrNotMember) || errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, kerr.RebalanceInProgress)
}

// fenced reports whether another producer has taken over the transactional id. The broker says the
// same of a transaction that it has ended itself.
func fenced(err error) bool {
	var own *outlivedError
	return !errors.As(err, &own) && (errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) || errors.Is(err, kerr.FencedInstanceID))
}

// thrownOut reports whether the group has ended a membership. Other errors, such as those of
// brokers that do not answer, end the session here, and the group may not know of it.
func thrownOut(err error) bool {
	for _, e := range []error{kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.FencedMemberEpoch, kerr.StaleMemberEpoch} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
