package task

import (
	"errors"
	"fmt"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/topology"
)

// What a topic does not take (changelog.Limits) is an error of the record that made it, and that
// record is left out as a whole: what it has changed and sent elsewhere goes with it. While a
// record is being processed it is the one. What operators hold back until the commit, and the
// changes of stores, may come of any record of the transaction: then the caller tries again with
// fewer records, until there is one ([Unclear]).
//
// What time makes (final results, punctuations) has no such record. An output of that kind is
// itself what fails, and is left out alone.

// Unclear is returned by [Task.Flush] when a topic does not take what some record of the
// transaction has made. The caller aborts, and comes again with fewer records.
type Unclear struct{ Err *report.RecordError }

// Error says what was refused.
func (e *Unclear) Error() string { return "a record of the transaction: " + e.Err.Error() }

// Unwrap returns the [*report.RecordError], which names no record.
func (e *Unclear) Unwrap() error { return e.Err }

// taking is what the task knows of the records of the transaction, to find out which of them made
// what is refused.
type taking struct {
	taken  int             // records that were not left out
	last   topology.Origin // of them
	sent   int64           // messages to output topics
	before int64           // sent, before the present record
	byTime bool            // time has made something, too, or handed on what was held back
}

// Taken returns how many records the transaction has, without those that were left out.
func (t *Task) Taken() int { return t.taken }

// isRefused reports whether an error is that of a message that its topic does not take.
func isRefused(err error) bool {
	var refused *changelog.RefusedError
	return errors.As(err, &refused)
}

// refuse applies the error policy to a record whose output, made by the node of re, was refused.
// The result is never nil.
func (t *Task) refuse(re *report.RecordError) error {
	if in := t.current; in != nil {
		re.Key = clone(in.msg.Key)
		return t.blame(re, in.msg.Origin)
	}
	if t.handing.Topic != "" {
		return t.blame(re, t.handing)
	}
	return t.Blame(re)
}

// Blame finds the record of the transaction that made what was refused, if there is only one, and
// applies the error policy to it: the result is an [*AbortToSkip], or re with the record's name.
// With more records it is an [*Unclear]. What time has made, or may have, is nobody's: re comes
// back as it is.
func (t *Task) Blame(re *report.RecordError) error {
	re.Task = t.id
	t.identify(re, topology.Origin{})
	switch {
	case t.taken > 1:
		return t.stop(&Unclear{re})
	case t.taken == 1 && !t.byTime:
		return t.blame(re, t.last)
	}
	if t.taken == 1 {
		re.Err = fmt.Errorf("%w (time has made it, or the record %s/%d at offset %d)", re.Err, t.last.Topic, t.last.Partition, t.last.Offset)
	} else {
		re.Err = fmt.Errorf("%w (time has made it, no record)", re.Err)
	}
	return t.stop(re)
}

func (t *Task) blame(re *report.RecordError, o topology.Origin) error {
	t.identify(re, o)
	if t.opts.OnError != report.Skip {
		return t.stop(re)
	}
	t.warn(re.Node, re)
	return t.stop(&AbortToSkip{Origin: o, Err: re})
}

func (t *Task) stop(err error) error {
	t.broken = err
	return err
}

// spare reports whether err says to leave out the present record, and nothing of it is anywhere
// yet: then it needs no abort.
func (t *Task) spare(err error) bool {
	var skip *AbortToSkip
	if !errors.As(err, &skip) || t.current == nil || skip.Err.Panicked || t.stateful || t.sent != t.before {
		return false
	}
	t.broken = nil
	t.Drop(t.current.name, topology.Failed, skip.Origin)
	return true
}

// timeMade runs what time does, and notes whether it has made anything.
func (t *Task) timeMade(act func(int64) error, at int64) error {
	sent, size := t.sent, t.journal.overlay.Size()
	err := act(at)
	t.byTime = t.byTime || t.sent != sent || t.journal.overlay.Size() != size
	return err
}
