package task

// choose returns the input whose head is to be processed next, nil if there is none or if it has to
// wait.
//
// The smallest timestamp comes first; of equal ones, the input that the plan lists first. A head
// waits for every input with nothing queued that carries time and may still bring something
// earlier, see waits.
//
// Inputs without time are outside of that order: what they have queued comes first, whatever its
// timestamp, and outside bounded runs nobody waits for more. In a bounded run they are read to
// their ends before anything else, so that what joins find in them is a function of the input.
func (t *Task) choose() (*input, error) {
	if len(t.inputs) == 1 {
		in := t.inputs[0]
		ok, err := t.prepare(in)
		if !ok {
			t.rest()
			return nil, err
		}
		if t.ahead(in) || !t.called(in) {
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
			if !t.called(in) {
				return nil, nil
			}
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
	if ahead || !t.called(t.inputs[best]) {
		return nil, nil
	}
	return t.inputs[best], nil
}

// ahead reports whether the head of in is too far ahead of what other tasks have next.
func (t *Task) ahead(in *input) bool {
	return t.pacing.with != nil && t.pacing.ahead(in.at, in.timeless, t.live(in.at))
}

// rest tells others not to wait, if there is nothing to process and nothing to fetch, or nothing
// can be fetched.
func (t *Task) rest() {
	if t.pacing.with != nil {
		t.pacing.idle(t.now, !t.ended && t.Behind())
	}
}

// live reports whether a record is so young that it waits for nothing.
func (t *Task) live(at int64) bool { return t.now-at < t.liveWithin }

// waits says whether a head with the timestamp at has to wait for in, which has nothing queued.
// first says that the head wins if in brings the same timestamp.
//
// In a bounded run the order of joins is to be a function of the input: an external input is waited
// for until it shows its next record or has been processed to its end, a repartition input until
// its announced time has reached at, or it has ended. Otherwise nothing waits that is live, nobody
// waits for idle inputs, nor for an external partition of which everything known to be there was
// processed: the broker has nothing earlier. The same holds for a repartition partition whose
// writers all say that they have caught up.
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
	case idle, t.live(at):
		return false
	case !in.drained():
		return true
	}
	return in.repartition && !in.writers.caughtUp
}
