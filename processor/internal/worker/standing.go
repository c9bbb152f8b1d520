package worker

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/kolkstream/kolk/processor/internal/task"
)

// Standing is how far a worker is, as of the last second or so.
type Standing struct {
	// Lag is how many offsets of the inputs of its tasks are known to be there and not processed.
	Lag int64
	// Waits are the tasks that do not process what they have, for another input comes first.
	Waits []Wait
}

// Wait is a task that waits for an input.
type Wait struct {
	Task  task.ID
	Topic string
	Since time.Time
}

// Standing returns how far the worker is. It may be called by any goroutine.
func (w *Worker) Standing() Standing {
	if s := w.standing.Load(); s != nil {
		return *s
	}
	return Standing{}
}

// stand notes how far the tasks are, once a second.
func (s *session) stand() {
	now := time.Now()
	if now.Sub(s.stood) < time.Second {
		return
	}
	s.stood = now
	st := &Standing{}
	for _, r := range s.order {
		st.Lag += r.task.Lag()
		if topic := r.task.Waiting(); topic != r.waiting {
			r.waiting, r.waitingSince = topic, now
		}
		if r.waiting != "" {
			st.Waits = append(st.Waits, Wait{r.id, r.waiting, r.waitingSince})
		}
	}
	s.standing.Store(st)
}

// thrownOut reports whether the group has ended a membership. Other errors, such as those of brokers that do not answer, end the session
// here, and the group may not know of it.
func thrownOut(err error) bool {
	for _, e := range []error{kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.FencedMemberEpoch, kerr.StaleMemberEpoch} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
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
