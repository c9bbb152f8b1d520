package cluster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Timeouts are what the application asks of the brokers.
type Timeouts struct {
	// Transaction is 0 without transactions.
	Transaction, Session time.Duration
}

// check compares them with what the brokers allow, as far as they tell.
func (t Timeouts) check(ctx context.Context, adm *kadm.Client) error {
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
	most := func(field string, d time.Duration, key, way string) {
		if l := limit[key]; l > 0 && d > l {
			errs = append(errs, fmt.Errorf("config: %s: %v is longer than the brokers allow (%s=%d, which is %v): %s, or let the brokers allow more", field, d, key, l.Milliseconds(), l, way))
		}
	}
	most("TransactionTimeout", t.Transaction, "transaction.max.timeout.ms", "choose a shorter one (by default it is ten times CommitInterval)")
	most("SessionTimeout", t.Session, "group.max.session.timeout.ms", "choose a shorter one")
	if l := limit["group.min.session.timeout.ms"]; t.Session < l {
		errs = append(errs, fmt.Errorf("config: SessionTimeout: %v is shorter than the brokers allow (group.min.session.timeout.ms=%d, which is %v): choose a longer one, or let the brokers allow less", t.Session, l.Milliseconds(), l))
	}
	return errors.Join(errs...)
}
