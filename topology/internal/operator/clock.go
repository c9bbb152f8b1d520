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

// Clocks are what an aggregation of windows goes by with Kafka Streams' rule. With the default time
// it has none.
type Clocks struct {
	// Seen is the largest timestamp of a record, by which records are late. Where several streams
	// are aggregated together it is that of the stream of the record at hand.
	Seen *Clock
	// Put is nil for one stream. For several it is the largest time that was put into the store
	// that they share, by which rows expire: the start of a window, or the end of a session.
	Put *Clock
}

// Time returns the largest timestamp seen, NoTime for none.
func (c *Clock) Time() int64 { return int64(*c) }
