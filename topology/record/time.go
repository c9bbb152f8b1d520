package record

import (
	"errors"
	"math"
)

// MinTime and MaxTime are the smallest and the largest event time of a record, in milliseconds:
// 1970 and the year 146140482. A record with any other is an error. It is checked where a time
// comes in or is made, so that everything behind may rely on it: sums of a time and a few durations
// do not overflow, and [NoTime] and [EndOfTime] are no times of records.
const (
	MinTime int64 = 0
	MaxTime int64 = 1<<62 - 1
)

const (
	// NoTime is the task time before any input has shown a timestamp.
	NoTime int64 = math.MinInt64
	// EndOfTime is the task time after all inputs of a bounded run have ended: every window is
	// closed.
	EndOfTime int64 = math.MaxInt64
)

// ErrTime marks the error for a record whose event time does not lie between [MinTime] and
// [MaxTime]: as it came, as a source's function found it, or as an operator's function made it. The
// error policy decides what becomes of the record.
var ErrTime = errors.New("the time of the record is out of range")

// Clock says which time drives a punctuation.
type Clock int

const (
	// StreamTime punctuates as task time (the watermark) advances.
	StreamTime Clock = iota
	// WallClock punctuates as the clock of the task runs. Results that depend on it differ when the
	// input is read again.
	WallClock
)
