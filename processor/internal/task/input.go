package task

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/wiretime"
	"github.com/kolkstream/kolk/topology"
)

// input is one partition that the task reads.
type input struct {
	number      int64  // among the task's inputs
	topic       string // on the broker
	name        string // in the plan
	repartition bool
	timeless    bool
	maxFuture   int64 // ms, 0: any time is taken
	latest      int64 // in a bounded run, what maxFuture is measured from
	warned      int64 // the wall clock when a time far ahead was last warned about
	source      flow.Source

	queue queue
	ahead *ahead // nil: nothing is called ahead of its records
	progress
	was   progress // as of the last commit
	end   int64    // the highest known end of the partition, -1 if it is not known
	bound int64    // bounded run: where this input ends, -1 if it has no such place

	// External inputs:
	quiet int64 // the wall clock when the input was last seen with something to do
	idle  bool

	// Repartition inputs:
	writers *writers
	doubted int64 // what is announced below is not relied upon, see Options.Doubt; -1: all is

	// The head of the queue, once ready.
	ready   bool
	at      int64 // its timestamp
	late    int64 // ref - timestamp, of a repartition record
	told    bool  // it carries an announcement: ann
	ann     announcement
	skip    bool  // it is to be left out
	unread  error // its time cannot be read
	msg     flow.Message
	headers []topology.Header

	skips []int64 // offsets of messages to leave out
}

// progress is what an input's position consists of.
type progress struct {
	pos   int64 // the next to process
	epoch int32 // the leader epoch of the last one processed, -1 if it is not known
	ref   int64 // the largest timestamp processed
}

// commit makes the present what an abort goes back to.
func (in *input) commit() {
	in.was = in.progress
	if in.writers != nil {
		in.writers.commit()
	}
	in.skips = slices.DeleteFunc(in.skips, func(o int64) bool { return o < in.pos })
}

// abort goes back to the last commit, from where it is fetched again.
func (in *input) abort() {
	in.progress = in.was
	in.queue.clear()
	in.ready = false
	if in.writers != nil {
		in.writers.abort()
	}
}

// atEnd says that a bounded run's external input has been processed up to its end.
func (in *input) atEnd() bool { return in.bound >= 0 && in.pos >= in.bound }

// ended says that nothing more comes in this bounded run.
func (in *input) ended() bool {
	if in.repartition {
		return in.writers.ended
	}
	return in.atEnd()
}

// time is the input's time, and whether it is idle.
func (in *input) time() (t int64, idle bool) {
	switch {
	case in.repartition:
		return in.writers.time, in.writers.idle
	case in.atEnd():
		return topology.EndOfTime, false
	}
	return in.ref, in.idle
}

// drained says that all that is known to be there has been processed.
func (in *input) drained() bool {
	return !in.ready && in.queue.empty() && in.end >= 0 && in.pos >= in.end
}

// lacks says that nothing is queued although more is known to be there, which takes part in this
// run.
func (in *input) lacks() bool {
	return !in.ready && in.queue.empty() && in.pos < in.end && !in.ended()
}

// pass moves the position behind r, which is the head, and removes it: nothing of the message is to
// be used any more.
func (in *input) pass(r *kgo.Record) {
	in.pos, in.epoch = r.Offset+1, r.LeaderEpoch
	lost := in.ahead != nil && in.ahead.calls.Passed(in.topic, r.Offset)
	in.queue.pop(!lost)
}

// prepare looks for the next record of the input and decodes what choosing needs. It returns false
// if there is none. Control records and bare announcements are consumed on the way.
func (t *Task) prepare(in *input) (bool, error) {
	if in.ready {
		return true, nil
	}
	for {
		r := in.queue.head()
		switch {
		case r == nil:
			return false, nil
		case in.bound >= 0 && r.Offset >= in.bound:
			// behind the end of the run: nothing is left before it
			in.queue.clear()
			in.pos = max(in.pos, in.bound)
			t.touch()
			return false, nil
		case r.Offset < in.pos: // fetched twice
			in.queue.pop(true)
			continue
		case r.Attrs.IsControl():
			in.pass(r)
			t.touch()
			continue
		}
		t.current = in
		if err := in.read(r); err != nil {
			return false, t.fail(err)
		}
		if in.told && in.ann.flags&control != 0 {
			if err := t.hear(in); err != nil {
				return false, t.fail(err)
			}
			t.current = nil
			in.pass(r)
			t.touch()
			if err := t.retime(); err != nil {
				return false, err
			}
			continue
		}
		ok, err := t.timestamp(in)
		if ok && !in.skip {
			ok, err = t.plausible(in)
		}
		if err != nil {
			return false, t.fail(err)
		}
		t.current = nil
		if ok {
			in.ready = true
			return true, nil
		}
		if in.told { // the record is left out, not what it carries
			if err := t.hear(in); err != nil {
				return false, t.fail(err)
			}
		}
		t.count(in)
		in.pass(r)
		t.touch()
		if err := t.retime(); err != nil {
			return false, err
		}
	}
}

// timestamp asks the source for the head's time. A message that is to be skipped has one too: it
// keeps its place among the messages of other inputs, so that their order does not depend on which
// of them had been committed when it panicked.
func (t *Task) timestamp(in *input) (ok bool, err error) {
	if in.unread != nil {
		return false, t.Fail(in.name, in.msg.Origin, in.unread)
	}
	in.msg.Ref = in.ref
	in.skip = len(in.skips) > 0 && slices.Contains(in.skips, in.msg.Origin.Offset)
	if in.skip {
		ok, err = t.skippedTime(in)
	} else {
		in.at, ok, err = in.source.Time(&in.msg)
	}
	return ok, err
}

// skippedTime is the time of a message that user code has panicked on, perhaps when it was asked
// for just that: then it is left out here.
func (t *Task) skippedTime(in *input) (ok bool, err error) {
	defer func() {
		if recover() != nil {
			t.Drop(in.name, topology.Failed, in.msg.Origin)
			ok, err = false, nil
		}
	}()
	in.at, ok, err = in.source.Time(&in.msg)
	return ok, err
}

// read makes r the message at hand.
func (in *input) read(r *kgo.Record) error {
	m := &in.msg
	m.Key, m.Value = r.Key, r.Value
	m.Timestamp = wiretime.Millis(r.Timestamp)
	m.Origin.Offset = r.Offset
	m.Headers, m.Place = nil, nil
	in.late, in.told, in.unread = 0, false, nil
	if len(r.Headers) == 0 {
		return nil
	}
	return in.convert(r)
}

// convert takes the headers of a message, without kolk's own, and the time that one of them may
// carry.
func (in *input) convert(r *kgo.Record) error {
	in.headers = in.headers[:0]
	for i := range r.Headers {
		h := &r.Headers[i]
		if h.Key == wiretime.Header {
			at, err := wiretime.Exact(wiretime.Millis(r.Timestamp), h.Value)
			if err != nil {
				in.unread = err
			} else if !wiretime.Fits(at) {
				in.msg.Timestamp = at
			}
			continue
		}
		if in.repartition {
			switch h.Key {
			case LateHeader:
				late, err := parseLate(h.Value)
				if err != nil {
					return err
				}
				in.late = late
				continue
			case TimeHeader:
				if err := in.ann.parse(h.Value); err != nil {
					return err
				}
				in.told = true
				continue
			case PlaceHeader:
				place, err := parsePlace(h.Value)
				if err != nil {
					return err
				}
				in.msg.Place = place
				continue
			}
		}
		in.headers = append(in.headers, topology.Header{Key: h.Key, Value: h.Value})
	}
	if len(in.headers) > 0 {
		in.msg.Headers = in.headers
	}
	return nil
}

// take processes the head.
func (t *Task) take(in *input) error {
	m := &in.msg
	m.Timestamp = in.at
	moved := false
	t.dirty = true // whatever comes of it
	if in.told {
		if err := t.hear(in); err != nil {
			return t.fail(err)
		}
		moved = true
	}
	switch {
	case in.skip:
		t.Drop(in.name, topology.Failed, m.Origin)
	case in.repartition:
		m.Ref = in.at + in.late
	default:
		if in.at > in.ref {
			in.ref = in.at
			moved = true
		}
		m.Ref = in.ref
	}
	if !in.skip {
		t.maxRef = max(t.maxRef, m.Ref)
		t.current = in
		t.before = t.sent
		t.working.Store(in.number<<offsetBits | m.Origin.Offset)
		if t.agenda.seen != nil {
			*t.agenda.seen = max(*t.agenda.seen, in.at)
		}
		if err := in.source.Receive(m); err != nil && !t.spare(err) {
			return t.fail(err)
		}
		t.taken++
		t.last = m.Origin
		t.current = nil
		if t.agenda.seen != nil {
			if err := t.punctuateSeen(); err != nil {
				return t.fail(err)
			}
		}
	}
	in.ready = false
	t.count(in)
	in.pass(in.queue.head())
	if in.bound >= 0 && in.pos >= in.bound {
		moved = true
	}
	if moved {
		return t.retime()
	}
	return nil
}

func (t *Task) count(in *input) {
	if in.repartition {
		t.counts.repartitionIn++
	} else {
		t.counts.in++
	}
}
