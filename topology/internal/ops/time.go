package ops

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// NoTime is the task time before any input has shown a timestamp.
const NoTime int64 = math.MinInt64

// EndOfTime is the task time after all inputs of a bounded run have ended: every window is closed.
const EndOfTime int64 = math.MaxInt64

// MinTime and MaxTime are the smallest and the largest event time of a record, in milliseconds: 1970 and the year 146140482. A record
// with any other is an error. It is checked where a time comes in or is made, so that everything behind may rely on it: sums of
// a time and a few durations do not overflow, and NoTime and EndOfTime are no times of records.
const (
	MinTime int64 = 0
	MaxTime int64 = 1<<62 - 1
)

// ErrTime marks the error for a record whose time does not lie between MinTime and MaxTime.
var ErrTime = errors.New("the time of the record is out of range")

// checkTime checks a time that is to be a record's.
func checkTime(ms int64) error {
	if uint64(ms) <= uint64(MaxTime) {
		return nil
	}
	return outOfRange(fmt.Sprintf("%d ms", ms), ms < MinTime)
}

// fromTime returns a time in milliseconds that is to be a record's.
func fromTime(t time.Time) (int64, error) {
	if sec := t.Unix(); sec < MinTime/1000 || sec > MaxTime/1000 {
		return 0, outOfRange(t.UTC().Format(time.RFC3339Nano), sec < 0)
	}
	ms := t.UnixMilli()
	return ms, checkTime(ms)
}

func outOfRange(given string, before bool) error {
	if before {
		return fmt.Errorf("%w: %s lies before 1970", ErrTime, given)
	}
	return fmt.Errorf("%w: %s lies behind %s", ErrTime, given, time.UnixMilli(MaxTime).UTC().Format("the year 2006"))
}
