package task

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/kolkstream/kolk/topology"
)

var (
	// ErrWriters is returned when fewer tasks write a repartition topic than the task's state has heard of: an input of one of
	// them was made anew with fewer partitions. Time would wait for those that are missing, for ever. The way out is a new application id, or
	// the old number of partitions.
	ErrWriters = errors.New("task: a repartition topic has fewer writers than it had")

	// ErrState is returned for bytes in the task's time store that no version of kolk known to this one has written.
	ErrState = errors.New("task: unreadable time store")
)

// Policy says what happens to a record that a user function or a serde fails on.
type Policy int

const (
	// Fail stops the task with a [*RecordError]. It is the default.
	Fail Policy = iota
	// Skip drops the record, counts it and goes on. After a panic, and when a topic does not take what the record made, the transaction is
	// aborted first, see [AbortToSkip].
	Skip
)

// String returns the policy's name as configuration spells it.
func (p Policy) String() string {
	switch p {
	case Fail:
		return "fail"
	case Skip:
		return "skip"
	}
	return "policy " + strconv.Itoa(int(p))
}

// RecordError is a record that could not be processed. It is final: trying again fails again.
type RecordError struct {
	Task ID
	// Topic, Partition and Offset name the message that the record was made from. Topic is empty for a record made by time.
	Topic     string
	Partition int32
	Offset    int64
	// Sources are the application's input topics that the message was made from, if Topic is a repartition topic.
	Sources []string
	// Node is the operator, empty if it is not known (a panic).
	Node string
	// Key is the message's key.
	Key []byte
	// Panicked says that user code panicked; Err has the panic's value and the place in the code.
	Panicked bool
	Err      error
}

// Error names task, message, key and operator.
func (e *RecordError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "task %s", e.Task)
	if e.Topic != "" {
		fmt.Fprintf(&b, ": record %s/%d at offset %d", e.Topic, e.Partition, e.Offset)
		var more []string
		if e.Key != nil {
			more = append(more, "key "+quote(e.Key))
		}
		if len(e.Sources) > 0 {
			more = append(more, "made from "+strings.Join(e.Sources, ", "))
		}
		if len(more) > 0 {
			fmt.Fprintf(&b, " (%s)", strings.Join(more, "; "))
		}
	}
	if e.Node != "" {
		fmt.Fprintf(&b, ": operator %q", e.Node)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

// Unwrap returns the cause.
func (e *RecordError) Unwrap() error { return e.Err }

// quote shows a key's beginning.
func quote(key []byte) string {
	const most = 80
	if len(key) <= most {
		return strconv.Quote(string(key))
	}
	return strconv.Quote(string(key[:most])) + "..."
}

// AbortToSkip is returned by [Task.Process] and [Task.Flush] when user code panicked on a record, or a topic does not take what it made, and
// the policy is [Skip]. State may be half changed, so the record cannot simply be left out: the caller aborts the transaction, calls
// [Task.Skip] with Origin, and fetches again.
type AbortToSkip struct {
	Origin topology.Origin
	Err    *RecordError
}

// Error says what failed and what is to be done.
func (e *AbortToSkip) Error() string { return "abort, then skip the record: " + e.Err.Error() }

// Unwrap returns the [*RecordError].
func (e *AbortToSkip) Unwrap() error { return e.Err }

// rescue is deferred around user code: it turns a panic into an error. It leaves runtime.Goexit alone.
func (t *Task) rescue(err *error) {
	v := recover()
	if v == nil {
		return
	}
	cause, ok := v.(error)
	if ok {
		cause = fmt.Errorf("panic: %w (%s)", cause, panicSite())
	} else {
		cause = fmt.Errorf("panic: %v (%s)", v, panicSite())
	}
	if damage := t.overlay.Damage(); damage != nil {
		// User code that panics because it cannot read is no fault of the record.
		t.broken = fmt.Errorf("task %s: %w (%w)", t.id, damage, cause)
		*err = t.broken
		return
	}
	re := &RecordError{Task: t.id, Panicked: true, Err: cause}
	o := t.handing
	if in := t.current; in != nil {
		o, re.Key = in.msg.Origin, clone(in.msg.Key)
	}
	t.name(re, o)
	if o.Topic == "" {
		t.broken = re
		*err = re
		return
	}
	t.broken = re
	*err = re
	if t.onError == Skip {
		t.warn("", re)
		*err = &AbortToSkip{Origin: o, Err: re}
		t.broken = *err
	}
}

// name says which record failed.
func (t *Task) name(re *RecordError, o topology.Origin) {
	re.Topic, re.Partition, re.Offset = o.Topic, o.Partition, o.Offset
	if in := t.input(o.Topic); in != nil && in.repartition {
		re.Sources = t.sources(in.name, nil)
	}
}

// sources adds the input topics from which a repartition topic is made to those that are there.
func (t *Task) sources(repartition string, to []string) []string {
	for _, w := range t.writersOf(repartition) {
		for _, s := range t.plan.SubTopologies() {
			if s.Name != w.SubTopology {
				continue
			}
			for _, in := range s.Inputs {
				if in.Repartition {
					to = t.sources(in.Topic, to)
				} else if !slices.Contains(to, in.Topic) {
					to = append(to, in.Topic)
				}
			}
		}
	}
	return to
}

// panicSite returns file:line of the frame that panicked. It is called by the deferred function that recovers.
func panicSite() string {
	pc := make([]uintptr, 64)
	frames := runtime.CallersFrames(pc[:runtime.Callers(1, pc)])
	panicking := false
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			panicking = true
		case panicking && !strings.HasPrefix(f.Function, "runtime."):
			return f.File + ":" + strconv.Itoa(f.Line)
		}
		if !more {
			return "unknown place"
		}
	}
}

// fail wraps an error of a record that is not yet a RecordError, and keeps the task from going on until the abort.
func (t *Task) fail(err error) error {
	if err == nil {
		return nil
	}
	var re *RecordError
	if !errors.As(err, &re) {
		if in := t.current; in != nil {
			o := in.msg.Origin
			err = fmt.Errorf("task %s: record %s/%d at offset %d: %w", t.id, o.Topic, o.Partition, o.Offset, err)
		} else {
			err = fmt.Errorf("task %s: %w", t.id, err)
		}
	}
	t.broken = err
	return err
}

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}
