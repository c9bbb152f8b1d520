package txn

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// errDeciding: the coordinator has decided, and is still telling the partitions.
var errDeciding = errors.New("the transaction's markers are not written yet")

// AwaitVisible waits until readers of committed records see what the last transaction wrote. The
// broker answers the end of a transaction when it is decided, and writes the markers to the
// partitions afterwards: a program that reads up to the ends of committed records then could miss
// it.
func (p *Producer) AwaitVisible(ctx context.Context, g Group) error {
	if !p.committed {
		return nil
	}
	req := kmsg.NewPtrDescribeTransactionsRequest()
	req.TransactionalIDs = []string{g.TransactionalID}
	err := retry(ctx, func() error {
		resp, err := req.RequestWith(ctx, g.Client)
		if err != nil {
			return err
		}
		for _, s := range resp.TransactionStates {
			err := kerr.ErrorForCode(s.ErrorCode)
			if errors.Is(err, kerr.TransactionalIDNotFound) {
				return nil // the broker has forgotten it, a week after its last transaction
			}
			if err != nil {
				return err
			}
			if s.State == "PrepareCommit" || s.State == "PrepareAbort" {
				return errDeciding
			}
		}
		return nil
	}, func(err error) bool { return errors.Is(err, errDeciding) || retriable(err) })
	if err != nil {
		return fmt.Errorf("describe transaction %s: %w", g.TransactionalID, err)
	}
	p.committed = false
	return nil
}
