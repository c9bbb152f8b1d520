package operator

import (
	"fmt"
	"time"

	"github.com/kolkstream/kolk/topology/record"
)

// CheckTime checks a time that is to be a record's.
func CheckTime(ms int64) error {
	if uint64(ms) <= uint64(record.MaxTime) {
		return nil
	}
	return outOfRange(fmt.Sprintf("%d ms", ms), ms < record.MinTime)
}

// FromTime returns a time in milliseconds that is to be a record's.
func FromTime(t time.Time) (int64, error) {
	if sec := t.Unix(); sec < record.MinTime/1000 || sec > record.MaxTime/1000 {
		return 0, outOfRange(t.UTC().Format(time.RFC3339Nano), sec < 0)
	}
	ms := t.UnixMilli()
	return ms, CheckTime(ms)
}

func outOfRange(given string, before bool) error {
	if before {
		return fmt.Errorf("%w: %s lies before 1970", record.ErrTime, given)
	}
	return fmt.Errorf("%w: %s lies behind %s", record.ErrTime, given, time.UnixMilli(record.MaxTime).UTC().Format("the year 2006"))
}
