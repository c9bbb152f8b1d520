package restore

import (
	"fmt"
	"time"

	"github.com/kolkstream/kolk/processor/report"
)

// A database may be damaged mostDamages times in damagesWithin.
const (
	mostDamages   = 5
	damagesWithin = time.Hour
)

// damages are when databases were found to be damaged, by what they are called.
type damages map[string][]time.Time

// note takes down that one is.
func (d damages) note(what string, now time.Time) {
	times := append(d[what], now)
	d[what] = times[max(0, len(times)-mostDamages-1):]
}

// check returns an error if one is too often.
func (d damages) check(what string, now time.Time) error {
	if times := d[what]; len(times) > mostDamages && now.Sub(times[0]) <= damagesWithin {
		return fmt.Errorf("%w: %s, more than %d times within %v", report.ErrDisk, what, mostDamages, damagesWithin)
	}
	return nil
}
