package operator

// Clock is the time of one operator where operators follow Kafka Streams' rule: the largest
// timestamp that it has seen. It lies in the task, which commits it with the transaction. Operators
// of a topology with the default time have none: nil.
type Clock int64

// See notes a timestamp, and reports whether it has moved the time.
func (c *Clock) See(ts int64) bool {
	if ts <= int64(*c) {
		return false
	}
	*c = Clock(ts)
	return true
}

// Time returns the largest timestamp seen, NoTime for none.
func (c *Clock) Time() int64 { return int64(*c) }
