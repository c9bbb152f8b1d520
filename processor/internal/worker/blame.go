package worker

import (
	"context"
	"errors"
	"time"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/processor/internal/txn"
	"github.com/kolkstream/kolk/processor/report"
)

// A transaction that fails because of one of its records is undone, and done again without that
// record, or is the end of the application, as the error policy says. Which record it is, the task
// knows while it processes it. What fails at the commit, here or at the broker, may be the fault of
// any record of the transaction: then transactions become smaller, until one fails that has one
// record only. All others are committed on the way, so that this comes to an end.

// taskFailed ends the transaction after a task has failed.
func (s *session) taskFailed(r *running, err error) error {
	r.handle.Damaged(err)
	var (
		skip    *task.AbortToSkip
		unclear *task.Unclear
	)
	switch {
	case errors.As(err, &skip):
		s.suspects.skip(skip.Origin, s.tempo.records)
		if err := s.again(err); err != nil {
			return err
		}
		r.task.Skip(skip.Origin)
		return nil
	case errors.As(err, &unclear):
		return s.narrow(err, r.task.Taken())
	}
	return errors.Join(err, s.undo())
}

// configWait is how long the configuration of a topic is waited for.
const configWait = 5 * time.Second

// flushFailed ends the transaction after a message was not produced.
func (s *session) flushFailed(dirty []*running, err error) error {
	var failed *report.ProduceError
	switch {
	case !errors.As(err, &failed):
		return s.abort(err)
	case txn.Forbidden(failed):
		return errors.Join(err, s.undo())
	case !txn.Refused(failed):
		return s.abort(err)
	}
	ctx, cancel := context.WithTimeout(s.hard, configWait)
	defer cancel()
	if changed := s.cfg.View.Relearn(ctx, s.cl, failed.Topic); changed {
		// The client, and the tasks, go by what it was.
		if err := s.again(err); err != nil {
			return err
		}
		s.log.Warn("an output was refused, and the configuration of its topic has changed: starting over with it", "topic", failed.Topic, "err", failed.Err)
		return &errReset{err: err, meant: true}
	}
	taken, at := 0, dirty[0]
	for _, r := range dirty {
		if n := r.task.Taken(); n > 0 {
			taken += n
			at = r
		}
	}
	if taken > 1 {
		return s.narrow(err, taken)
	}
	return s.taskFailed(at, at.task.Blame(&report.RecordError{Err: &changelog.RefusedError{
		Topic: failed.Topic, Key: failed.Key, Err: failed.Err,
		Reason: failed.Err.Error() + ". What is wrong with it kolk does not know: the topic's configuration, as the broker shows it, allows it",
	}}))
}

// narrow undoes a transaction of n records, one of which has made it fail, and has the next one end
// after half of them.
func (s *session) narrow(cause error, n int) error {
	s.suspects.narrow(n)
	s.log.Debug("looking for the record that made the transaction fail", "err", cause, "records", n)
	return s.again(cause)
}

// again undoes a transaction that is to be done again, for a reason that is known.
func (s *session) again(cause error) error {
	err := s.rewind(cause)
	if reset := (*errReset)(nil); errors.As(err, &reset) && reset.err == cause {
		reset.meant = true // without transactions
	}
	return err
}
