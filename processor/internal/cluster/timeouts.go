package cluster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/kolkstream/kolk/processor/internal/timing"
	"github.com/kolkstream/kolk/processor/report"
)

// checkTimes compares the times that the application asks of the brokers with what they allow, as
// far as they tell. It returns a [*report.ConfigError] for each that they do not.
func checkTimes(ctx context.Context, adm *kadm.Client, times timing.Settings, transactional bool) error {
	ctx, cancel := context.WithTimeout(ctx, configWait)
	defer cancel()
	meta, err := adm.BrokerMetadata(ctx)
	if err != nil || len(meta.Brokers) == 0 {
		return nil // they will say so themselves
	}
	rcs, _ := adm.DescribeBrokerConfigs(ctx, meta.Brokers[0].NodeID)
	limit := map[string]time.Duration{}
	for _, rc := range rcs {
		for _, c := range rc.Configs {
			if ms, err := strconv.ParseInt(c.MaybeValue(), 10, 32); err == nil && ms > 0 {
				limit[c.Key] = time.Duration(ms) * time.Millisecond
			}
		}
	}
	var errs []error
	wrong := func(field, format string, args ...any) {
		errs = append(errs, &report.ConfigError{Field: field, Reason: fmt.Sprintf(format, args...)})
	}
	most := func(field string, d time.Duration, key, way string) {
		if l := limit[key]; l > 0 && d > l {
			wrong(field, "%v is longer than the brokers allow (%s=%d, which is %v): %s, or let the brokers allow more", d, key, l.Milliseconds(), l, way)
		}
	}
	if transactional {
		most("TransactionTimeout", times.Transaction, "transaction.max.timeout.ms", "choose a shorter one (by default it is ten times CommitInterval)")
	}
	most("SessionTimeout", times.Session, "group.max.session.timeout.ms", "choose a shorter one")
	if l := limit["group.min.session.timeout.ms"]; times.Session < l {
		wrong("SessionTimeout", "%v is shorter than the brokers allow (group.min.session.timeout.ms=%d, which is %v): choose a longer one, or let the brokers allow less", times.Session, l.Milliseconds(), l)
	}
	return errors.Join(errs...)
}
