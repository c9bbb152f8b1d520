package task

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/topology"
)

// AbortToSkip is returned by [Task.Process] and [Task.Flush] when user code panicked on a record,
// or a topic does not take what it made, and the policy is [report.Skip]. State may be half
// changed, so the record cannot simply be left out: the caller aborts the transaction, calls
// [Task.Skip] with Origin, and fetches again.
type AbortToSkip struct {
	Origin topology.Origin
	Err    *report.RecordError
}

// Error says what failed and what is to be done.
func (e *AbortToSkip) Error() string { return "abort, then skip the record: " + e.Err.Error() }

// Unwrap returns the [*report.RecordError].
func (e *AbortToSkip) Unwrap() error { return e.Err }

// rescue is deferred around user code: it turns a panic into an error. It leaves runtime.Goexit
// alone.
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
	if damage := t.journal.overlay.Damage(); damage != nil {
		// User code that panics because it cannot read is no fault of the record.
		t.broken = fmt.Errorf("task %s: %w (%w)", t.id, damage, cause)
		*err = t.broken
		return
	}
	re := &report.RecordError{Task: t.id, Panicked: true, Err: cause}
	o := t.handing
	if in := t.current; in != nil {
		o, re.Key = in.msg.Origin, clone(in.msg.Key)
	}
	t.identify(re, o)
	if o.Topic == "" {
		t.broken = re
		*err = re
		return
	}
	t.broken = re
	*err = re
	if t.opts.OnError == report.Skip {
		t.warn("", re)
		*err = &AbortToSkip{Origin: o, Err: re}
		t.broken = *err
	}
}

// identify says which record failed.
func (t *Task) identify(re *report.RecordError, o topology.Origin) {
	re.Topic, re.Partition, re.Offset = o.Topic, o.Partition, o.Offset
	if in := t.input(o.Topic); in != nil && in.repartition {
		re.Sources = t.sources(in.name, nil)
	}
}

// sources adds the input topics from which a repartition topic is made to those that are there.
func (t *Task) sources(repartition string, to []string) []string {
	for _, w := range t.writersOf(repartition) {
		for _, s := range t.plan.SubTopologies {
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

// panicSite returns file:line of the frame that panicked. It is called by the deferred function
// that recovers.
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

// fail wraps an error of a record that is not yet a report.RecordError, and keeps the task from
// going on until the abort.
func (t *Task) fail(err error) error {
	if err == nil {
		return nil
	}
	var re *report.RecordError
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
