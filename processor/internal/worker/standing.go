package worker

import (
	"sync/atomic"
	"time"

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
	if s := w.standings.shown.Load(); s != nil {
		return *s
	}
	return Standing{}
}

// standings note how far the tasks are, once a second, for whoever asks.
type standings struct {
	noted time.Time
	shown atomic.Pointer[Standing]
}

// waiting is the topic of the input that a task waits for, "" for none, and since when.
type waiting struct {
	topic string
	since time.Time
}

func (s *standings) note(tasks *roster, now time.Time) {
	if now.Sub(s.noted) < time.Second {
		return
	}
	s.noted = now
	st := &Standing{}
	for _, r := range tasks.all {
		st.Lag += r.task.Lag()
		if topic := r.task.Waiting(); topic != r.waiting.topic {
			r.waiting = waiting{topic, now}
		}
		if r.waiting.topic != "" {
			st.Waits = append(st.Waits, Wait{r.id, r.waiting.topic, r.waiting.since})
		}
	}
	s.shown.Store(st)
}
