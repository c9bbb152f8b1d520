package txn

import (
	"context"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestAwaitVisible: the end of a transaction is asked for until the broker has told all partitions,
// and not again.
func TestAwaitVisible(t *testing.T) {
	broker := newBroker(t)
	p, g := member(t, broker)
	asked, deciding := 0, 3
	broker.ControlKey(int16(kmsg.DescribeTransactions), func(r kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		asked++
		resp := r.ResponseKind().(*kmsg.DescribeTransactionsResponse)
		s := kmsg.NewDescribeTransactionsResponseTransactionState()
		s.TransactionalID, s.State = txnID, "CompleteCommit"
		if deciding > 0 {
			deciding--
			s.State = "PrepareCommit"
		}
		resp.TransactionStates = append(resp.TransactionStates, s)
		return resp, nil, true
	})
	await := func(want int) {
		t.Helper()
		if err := p.AwaitVisible(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		if asked != want {
			t.Errorf("asked %d times, want %d", asked, want)
		}
	}
	await(0) // there was no transaction
	begin(t, p)
	if outcome, err := p.CommitTransaction(t.Context(), g, inputs(t, g, 7)); outcome != Committed {
		t.Fatal(outcome, err)
	}
	p.Done()
	await(4)
	await(4)
}

// TestAwaitVisibleForgotten: nothing is left to be written for an id that the broker does not know
// any more.
func TestAwaitVisibleForgotten(t *testing.T) {
	broker := newBroker(t)
	p, g := member(t, broker)
	begin(t, p)
	if outcome, err := p.CommitTransaction(t.Context(), g, nil); outcome != Committed {
		t.Fatal(outcome, err)
	}
	forgotten := fault(broker, kmsg.DescribeTransactions, kerr.TransactionalIDNotFound, -1)
	if err := p.AwaitVisible(t.Context(), g); err != nil || forgotten.Hits() != 1 {
		t.Errorf("%v after %d questions", err, forgotten.Hits())
	}
}

// TestAwaitVisibleEnds: an error of the broker ends the waiting, and so does the context.
func TestAwaitVisibleEnds(t *testing.T) {
	broker := newBroker(t)
	p, g := member(t, broker)
	begin(t, p)
	if outcome, err := p.CommitTransaction(t.Context(), g, nil); outcome != Committed {
		t.Fatal(outcome, err)
	}
	fault(broker, kmsg.DescribeTransactions, kerr.TransactionalIDAuthorizationFailed, 1)
	if err := p.AwaitVisible(t.Context(), g); !errors.Is(err, kerr.TransactionalIDAuthorizationFailed) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.AwaitVisible(ctx, g); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := p.AwaitVisible(t.Context(), g); err != nil {
		t.Error(err)
	}
}
