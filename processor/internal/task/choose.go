package task

// choose returns the input whose head is to be processed next, nil if there is none or if it has to wait.
//
// The smallest timestamp comes first; of equal ones, the input that the plan lists first. A head waits for every input with
// nothing queued that carries time and may still bring something earlier, see waits.
//
// Inputs without time are outside of that order: what they have queued comes first, whatever its timestamp, and outside bounded runs nobody waits
// for more. In a bounded run they are read to their ends before anything else, so that what joins find in them is a function of the input.
func (t *Task) choose() (*input, error) {
	if len(t.inputs) == 1 {
		in := t.inputs[0]
		ok, err := t.prepare(in)
		if !ok {
			t.rest()
			return nil, err
		}
		if t.ahead(in) {
			return nil, nil
		}
		return in, nil
	}
	best := -1
	for i, in := range t.inputs {
		ok, err := t.prepare(in)
		if err != nil {
			return nil, err
		}
		if ok && in.timeless {
			return in, nil
		}
		if ok && (best < 0 || in.at < t.inputs[best].at) {
			best = i
		}
	}
	if best < 0 {
		t.rest()
		return nil, nil
	}
	ahead := t.ahead(t.inputs[best]) // which others learn also if the task waits
	for i, in := range t.inputs {
		if !in.ready && t.waits(in, t.inputs[best].at, best < i) {
			return nil, nil
		}
	}
	if ahead {
		return nil, nil
	}
	return t.inputs[best], nil
}

// Alignment keeps a task together in event time with those whose records meet its own. All methods are called by the task's
// goroutine.
type Alignment interface {
	// Limit is told the time of the next record, and returns up to which time the task may go on for now.
	Limit(next int64) int64
	// Rest says that nobody need wait for the task: it has nothing more, or is live.
	Rest()
}

// ahead reports whether the head of in is too far ahead of what other tasks have next. Records of inputs without time, and of
// live ones, are not.
func (t *Task) ahead(in *input) bool {
	t.hungry = 0
	switch {
	case t.align == nil || in.timeless || in.at <= t.limit:
		return false
	case t.now-in.at < t.liveWithin:
		t.setResting()
		return false
	}
	t.resting = false
	t.limit = t.align.Limit(in.at)
	return in.at > t.limit
}

// starved is how long others wait for a task that gets nothing of what it has yet to read: its
// partition may have no leader. The order of reading is not worth more.
const starved = 10_000 // ms

// rest tells others not to wait, if there is nothing to process and nothing to fetch, or nothing can be
// fetched.
func (t *Task) rest() {
	switch {
	case t.align == nil:
	case t.ended, !t.Behind():
		t.setResting()
	case t.hungry == 0:
		t.hungry = t.now
	case t.now-t.hungry > starved:
		t.setResting()
	}
}

func (t *Task) setResting() {
	if !t.resting {
		t.resting = true
		t.align.Rest()
	}
}

// waits says whether a head with the timestamp at has to wait for in, which has nothing queued. first says that the head wins
// if in brings the same timestamp.
//
// In a bounded run the order of joins is to be a function of the input: an external input is waited for until it shows its
// next record or has been processed to its end, a repartition input until its announced time has reached at, or it has
// ended. Otherwise nothing waits that is live, nobody waits for idle inputs, nor for an external partition of which
// everything known to be there was processed: the broker has nothing earlier. The same holds for a repartition partition
// whose writers all say that they have caught up.
func (t *Task) waits(in *input, at int64, first bool) bool {
	if in.ended() || in.timeless && !t.bounded() {
		return false
	}
	time, idle := in.time()
	if in.repartition && (time > at || time == at && first) {
		return false
	}
	switch {
	case t.bounded():
		return true
	case idle, t.now-at < t.liveWithin:
		return false
	case !in.drained():
		return true
	}
	return in.repartition && !in.writers.caughtUp
}
