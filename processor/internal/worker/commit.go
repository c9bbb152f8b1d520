package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/processor/internal/txn"
)

// commit ends the current transaction: everything that was processed since the last one, with its
// output, state and offsets. It returns nil after an abort too, for the worker goes on from the
// last commit then.
func (s *session) commit() error {
	start := time.Now()
	if err := s.cfg.Points.Hit(failpoint.BeforeFlush); err != nil {
		return s.abort(err)
	}
	var dirty []*running
	for _, r := range s.tasks.all {
		if !r.task.Dirty() {
			continue
		}
		// Operators run here too: the watchdog looks.
		s.busy.Store(&Busy{Task: r.task, ID: r.id, Since: time.Now()})
		err := r.task.Flush()
		s.busy.Store(nil)
		if err != nil {
			return s.taskFailed(r, err)
		}
		dirty = append(dirty, r)
	}
	if len(dirty) == 0 {
		s.tempo.clean(start, time.Now())
		s.align.Committed()
		return nil
	}
	if err := s.producer.Flush(s.hard); err != nil {
		return s.flushFailed(dirty, err)
	}
	if s.producer.Open() {
		if err := s.cfg.Points.Hit(failpoint.AfterFlush); err != nil {
			return s.abort(err)
		}
	}
	s.seq++
	offsets, err := s.positions(dirty)
	if err != nil {
		return errors.Join(err, s.undo())
	}
	if s.producer.Open() && s.cfg.ExactlyOnce {
		outcome, err := s.producer.CommitTransaction(s.hard, s.group, offsets)
		switch outcome {
		case txn.Aborted:
			return s.abort(err)
		case txn.Unknown:
			// Nothing is applied: whatever the broker decided is found by the next session in
			// offsets and changelogs.
			s.cfg.Counters.Unknown.Add(1)
			return &errReset{err: s.outlived(err)}
		}
	} else if err := txn.CommitOffsets(s.hard, s.group, offsets); err != nil {
		return s.abort(err)
	}
	for _, r := range dirty {
		if err := s.apply(r); err != nil {
			return err
		}
		s.suspects.passed(r.task.Positions)
	}
	if err := s.relieve(); err != nil {
		return err
	}
	s.producer.Done()
	s.align.Committed()
	s.trouble.aborts = 0
	s.suspects.widen()
	s.cfg.Counters.Commits.Add(1)
	records := s.tempo.records
	s.tempo.clean(start, time.Now())
	s.cfg.Events.Committed(s.cfg.Index, records, time.Since(start))
	s.ended()
	s.purger.purge(&s.tasks, start)
	return nil
}

// apply makes what is committed the task's, and brings it to its database when that is due.
func (s *session) apply(r *running) error {
	if err := s.cfg.Points.Hit(failpoint.BeforeApply); err != nil {
		return fmt.Errorf("state of task %s: %w", r.id, err)
	}
	r.task.Committed(s.seq)
	if err := s.cfg.Points.Hit(failpoint.AfterApply); err != nil {
		return fmt.Errorf("state of task %s: %w", r.id, err)
	}
	due, all, err := r.handle.FlushDue(r.task.Logged(), r.task.Late())
	err = r.handle.Damaged(err)
	if err == nil && due {
		err = s.persist(r, all)
	}
	return err
}

// persist brings what the task has committed to its database, all of it or without what it keeps in
// memory. An error is final: the database is behind what is committed, and the task must not go on
// on it.
func (s *session) persist(r *running, all bool) error {
	logged, write := r.task.Logged(), r.task.PersistHeld
	if all {
		write = r.task.Persist
	}
	if err := r.handle.Damaged(write()); err != nil {
		return fmt.Errorf("state of task %s after a commit (nothing is lost: it is restored from the changelog): %w", r.id, err)
	}
	r.handle.Flush(logged)
	return nil
}

// relieve persists the task that holds most until all together hold no more than they may.
func (s *session) relieve() error {
	for {
		var most *running
		var sum, largest int64
		for _, r := range s.tasks.all {
			n := r.task.Held()
			sum += n
			if n > largest && r.task.Logged() > 0 {
				most, largest = r, n
			}
		}
		if sum <= s.cfg.Memory.Held || most == nil {
			return nil
		}
		if err := s.persist(most, false); err != nil {
			return err
		}
	}
}

// positions collects the offsets of what was processed, with their metadata.
func (s *session) positions(dirty []*running) ([]txn.Offset, error) {
	byTopic := map[string][]txn.Offset{}
	var topics []string
	for _, r := range dirty {
		ends := r.task.ChangelogEnds()
		for i, p := range r.task.Positions() {
			md := checkpoint.Metadata{Seq: s.seq, Ref: p.Ref, Ended: p.Ended}
			if s.cfg.ExactlyOnce {
				// without transactions changelogs may have more than is said here
				md.TransactionalID = s.group.TransactionalID
			}
			if i == 0 { // the ends are the task's, not the partition's: once is enough
				md.Changelogs = ends
			}
			text, err := md.Encode()
			if err != nil {
				return nil, fmt.Errorf("task %s: %w", r.id, err)
			}
			if byTopic[p.Topic] == nil {
				topics = append(topics, p.Topic)
			}
			byTopic[p.Topic] = append(byTopic[p.Topic], txn.Offset{Topic: p.Topic, TopicID: s.cfg.View.TopicID(p.Topic), Partition: p.Partition, Offset: p.Offset, LeaderEpoch: p.LeaderEpoch, Metadata: text})
		}
	}
	var offsets []txn.Offset
	for _, t := range topics {
		offsets = append(offsets, byTopic[t]...)
	}
	return offsets, nil
}

// abort undoes the current transaction and goes on from the last commit. If it happens again and
// again that is the end.
func (s *session) abort(cause error) error {
	if s.hard.Err() != nil {
		return errors.Join(s.hard.Err(), s.undo())
	}
	cause = s.outlived(cause)
	s.trouble.aborts++
	inARow := s.trouble.aborts
	s.log.Warn("transaction aborted: processing again from the last commit", "err", cause, "in a row", inARow)
	if inARow >= maxAborts && notMember(cause) {
		// The group has thrown the worker out and the client does not notice: with a new one it
		// joins again.
		s.aborted(cause)
		s.trouble.aborts = 0
		return &errReset{err: cause}
	}
	if inARow >= maxAborts {
		s.aborted(cause)
		return errors.Join(fmt.Errorf("transactions are aborted again and again (%d in a row): %w", inARow, cause), s.undo())
	}
	if err := s.rewind(cause); err != nil {
		return err
	}
	if wait := s.trouble.patience(); wait > 0 {
		select {
		case <-time.After(wait):
		case <-s.hard.Done():
		}
	}
	return nil
}

// outlived returns the cause of a transaction's end: that it was open for too long, if it was. Then
// the next one has fewer records: a record that takes long is to be alone at last, and its
// transaction begins when its functions have returned, with what they have made.
func (s *session) outlived(cause error) error {
	if !s.cfg.ExactlyOnce {
		return cause
	}
	if err := s.tempo.outlived(time.Now(), s.cfg.Times.Transaction, cause); err != nil {
		s.suspects.narrow(int(s.tempo.records))
		return err
	}
	return cause
}

// aborted counts an abort.
func (s *session) aborted(cause error) {
	s.cfg.Counters.Aborts.Add(1)
	s.cfg.Events.Aborted(s.cfg.Index, cause)
}

// rewind undoes the current transaction: the tasks and the client go back to the last commit.
func (s *session) rewind(cause error) error {
	if s.hard.Err() != nil {
		return errors.Join(s.hard.Err(), s.undo())
	}
	s.aborted(cause)
	if err := s.cfg.Points.Hit(failpoint.InAbort); err != nil {
		return err
	}
	if !s.cfg.ExactlyOnce {
		// The changelogs may hold part of what the overlays hold: the tasks are restored from them.
		return &errReset{err: cause}
	}
	if err := s.producer.Abort(s.hard); err != nil {
		return &errReset{err: fmt.Errorf("%w (after: %w)", err, cause)}
	}
	rewind := map[string]map[int32]kgo.EpochOffset{}
	for _, r := range s.tasks.all {
		if !r.task.Dirty() {
			continue
		}
		if err := r.handle.Damaged(r.task.Abort()); err != nil {
			return fmt.Errorf("task %s: %w", r.id, err)
		}
		for _, p := range r.task.Rewind() {
			if rewind[p.Topic] == nil {
				rewind[p.Topic] = map[int32]kgo.EpochOffset{}
			}
			rewind[p.Topic][p.Partition] = kgo.EpochOffset{Epoch: p.LeaderEpoch, Offset: p.Offset}
		}
	}
	s.tempo.clean(time.Now(), time.Now())
	s.align.Aborted()
	// The client's own idea of where to go on is what was polled; ours is what was committed.
	s.cl.SetOffsets(rewind)
	return nil
}

// undo aborts the transaction of a session that ends.
func (s *session) undo() error {
	s.tempo.clean(time.Now(), time.Now())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.hard), 5*time.Second)
	defer cancel()
	if err := s.producer.Abort(ctx); err != nil {
		s.log.Warn("could not abort the transaction: the broker will, when it times out", "err", err)
	}
	return nil
}

// ended tells the application about tasks of a bounded run that are done.
func (s *session) ended() {
	var ids []task.ID
	for _, r := range s.tasks.all {
		if !r.done && r.task.Done() {
			r.done = true
			ids = append(ids, r.id)
		}
	}
	if len(ids) > 0 {
		s.cfg.Events.Done(s.cfg.Index, ids)
	}
}
