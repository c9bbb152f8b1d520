package txn

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/processor/report"
)

// TestOffsetCommitFails: an error of the group is an abort, at once or after it did not go away.
func TestOffsetCommitFails(t *testing.T) {
	for _, c := range []struct {
		err      *kerr.Error
		count    int
		want     Outcome
		requests int64 // at most
	}{
		{kerr.UnknownMemberID, -1, Aborted, 1},
		{kerr.FencedInstanceID, -1, Aborted, 1},
		{kerr.UnknownServerError, -1, Aborted, 1},
		{kerr.GroupAuthorizationFailed, -1, Aborted, 1},
		{kerr.IllegalGeneration, 2, Committed, 3},
		{kerr.CoordinatorLoadInProgress, 2, Committed, 3},
		{kerr.UnknownTopicOrPartition, 1, Committed, 2},
	} {
		t.Run(c.err.Message, func(t *testing.T) {
			broker := newBroker(t)
			p, g := member(t, broker)
			begin(t, p)
			seen := broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Observe: true, Count: -1})
			fault(broker, kmsg.TxnOffsetCommit, c.err, c.count)
			outcome, err := p.CommitTransaction(t.Context(), g, inputs(t, g, 7))
			if outcome != c.want || (err == nil) != (c.want == Committed) {
				t.Fatalf("%v %v, want %v", outcome, err, c.want)
			}
			if n := int64(seen.Hits()); n > c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
			want, records := int64(7), 1
			if outcome == Aborted {
				if !errors.Is(err, c.err) || !strings.Contains(err.Error(), " in/") {
					t.Errorf("%v does not wrap %v and name the topic", err, c.err)
				}
				if err := p.Abort(t.Context()); err != nil {
					t.Fatal(err)
				}
				want, records = -1, 0
			}
			if n := committed(t, broker); n != want {
				t.Errorf("committed offset %d, want %d", n, want)
			}
			if got := visible(t, broker, "a"); len(got) != records {
				t.Errorf("%d records are visible, want %d", len(got), records)
			}
		})
	}
}

// TestEndTxnFails: whatever goes wrong in the end itself, the outcome is unknown, and a new client
// finds it out.
func TestEndTxnFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault func(broker *kfake.Cluster)
		// after taking over the transactional id
		offset int64
	}{
		{"unknown server error", func(b *kfake.Cluster) { fault(b, kmsg.EndTxn, kerr.UnknownServerError, 1) }, -1},
		{"fenced", func(b *kfake.Cluster) { fault(b, kmsg.EndTxn, kerr.ProducerFenced, 1) }, -1},
		{"request lost", func(b *kfake.Cluster) {
			b.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
				b.KeepControl()
				return nil, errors.New("the connection breaks"), true
			})
		}, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			broker := newBroker(t)
			p, g := member(t, broker, kgo.RequestRetries(1))
			begin(t, p)
			c.fault(broker)
			outcome, err := p.CommitTransaction(t.Context(), g, inputs(t, g, 7))
			if outcome != Unknown || err == nil {
				t.Fatalf("%v %v, want %v", outcome, err, Unknown)
			}
			takeOver(t, broker)
			if n := committed(t, broker); n != c.offset {
				t.Errorf("committed offset %d, want %d", n, c.offset)
			}
			if got := visible(t, broker, "a"); (len(got) > 0) != (c.offset >= 0) {
				t.Errorf("%d records are visible, and the offset is %d", len(got), c.offset)
			}
		})
	}
}

// takeOver initialises the transactional id, as the next session does.
func takeOver(t *testing.T, broker *kfake.Cluster) {
	t.Helper()
	cl := newClient(t, broker, kgo.TransactionalID(txnID))
	if _, _, err := cl.ProducerID(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestFailpoints: before the end of the transaction an error is an abort, after it the outcome is
// unknown.
func TestFailpoints(t *testing.T) {
	for point, want := range map[failpoint.Name]Outcome{
		failpoint.BeforeOffsetCommit: Aborted, failpoint.AfterOffsetCommit: Aborted, failpoint.BeforeEndTxn: Aborted, failpoint.AfterEndTxn: Unknown,
	} {
		t.Run(string(point), func(t *testing.T) {
			broker := newBroker(t)
			p, g := member(t, broker)
			failed := errors.New("failpoint")
			g.Points = func(n failpoint.Name) error {
				if n == point {
					return failed
				}
				return nil
			}
			begin(t, p)
			if outcome, err := p.CommitTransaction(t.Context(), g, inputs(t, g, 7)); outcome != want || !errors.Is(err, failed) {
				t.Fatalf("%v %v, want %v", outcome, err, want)
			}
			if want == Aborted {
				if err := p.Abort(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			wantOffset := map[Outcome]int64{Aborted: -1, Unknown: 7}[want]
			if n := committed(t, broker); n != wantOffset {
				t.Errorf("committed offset %d, want %d", n, wantOffset)
			}
		})
	}
}

// TestAwaitsPartitions: a client that ends a transaction before it knows of the only partition that
// it has sent something to aborts it, and says that it has committed it. TestFailpoints has met
// that moment, once in some hundred runs of six processes on two processors.
func TestAwaitsPartitions(t *testing.T) {
	broker := newBroker(t)
	cl := newClient(t, broker, kgo.TransactionalID(txnID))
	p := NewProducer(cl, true)
	p.End("b", 1) // to ask is not to send
	if err := p.await(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	r, _ := p.place("a", 1, nil, []byte("v"), 1, nil)
	var failed *report.ProduceError
	if err := p.await(t.Context(), 20*time.Millisecond); !errors.Is(err, errUnknownPartition) || !errors.As(err, &failed) || failed.Topic != "a" || failed.Partition != 1 {
		t.Errorf("unknown: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.await(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	waited := make(chan error, 1)
	go func() { waited <- p.await(t.Context(), time.Hour) }()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Errorf("known: %v", err)
	}
	if err := p.await(ctx, 0); err != nil {
		t.Errorf("known before: %v", err)
	}
}

// TestProducerIDChanged: another id than the one seen at the beginning is an abort.
func TestProducerIDChanged(t *testing.T) {
	broker := newBroker(t)
	p, g := member(t, broker)
	begin(t, p)
	p.epoch--
	if outcome, err := p.CommitTransaction(t.Context(), g, inputs(t, g, 7)); outcome != Aborted || !errors.Is(err, errProducerIDChanged) {
		t.Fatalf("%v %v", outcome, err)
	}
	if n := committed(t, broker); n != -1 {
		t.Errorf("committed offset %d", n)
	}
}

// TestNotMember: without a member id nothing is committed, for the broker would accept it unfenced.
func TestNotMember(t *testing.T) {
	broker := newBroker(t)
	p, g := member(t, broker)
	g.Client = newClient(t, broker)
	begin(t, p)
	if outcome, err := p.CommitTransaction(t.Context(), g, inputs(t, g, 7)); outcome != Aborted || !errors.Is(err, report.ErrNotMember) {
		t.Errorf("%v %v", outcome, err)
	}
	if err := CommitOffsets(t.Context(), g, inputs(t, g, 7)); !errors.Is(err, report.ErrNotMember) {
		t.Error(err)
	}
	if n := committed(t, broker); n != -1 {
		t.Errorf("committed offset %d", n)
	}
}

// TestCommitOffsets commits without a transaction.
func TestCommitOffsets(t *testing.T) {
	broker := newBroker(t)
	_, g := member(t, broker)
	fault(broker, kmsg.OffsetCommit, kerr.RebalanceInProgress, 2)
	if err := CommitOffsets(t.Context(), g, inputs(t, g, 3)); err != nil {
		t.Fatal(err)
	}
	if n := committed(t, broker); n != 3 {
		t.Errorf("committed offset %d, want 3", n)
	}
	fault(broker, kmsg.OffsetCommit, kerr.UnknownMemberID, 1)
	if err := CommitOffsets(t.Context(), g, inputs(t, g, 4)); !errors.Is(err, kerr.UnknownMemberID) {
		t.Errorf("error %v", err)
	}
	for _, point := range []failpoint.Name{failpoint.BeforeOffsetCommit, failpoint.AfterOffsetCommit} {
		g.Points = func(n failpoint.Name) error {
			if n == point {
				return errors.New("failpoint")
			}
			return nil
		}
		if err := CommitOffsets(t.Context(), g, inputs(t, g, 5)); err == nil {
			t.Errorf("%s: no error", point)
		}
	}
}

// TestExplicitAdd: a broker without transaction.version 2 is told of the group first.
func TestExplicitAdd(t *testing.T) {
	broker := newBroker(t)
	p, g := member(t, broker)
	g.ImplicitAdd = false
	begin(t, p)
	seen := broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.AddOffsetsToTxn}, Observe: true, Count: -1})
	fault(broker, kmsg.AddOffsetsToTxn, kerr.ConcurrentTransactions, 2)
	if outcome, err := p.CommitTransaction(t.Context(), g, inputs(t, g, 7)); outcome != Committed {
		t.Fatalf("%v %v", outcome, err)
	}
	if n := committed(t, broker); n != 7 || seen.Hits() != 3 {
		t.Errorf("committed offset %d, %d requests", n, seen.Hits())
	}
}

// TestRetry gives up after about ten seconds, at once when the error stays, and when its context
// ends.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		again := errors.New("again")
		start, n := time.Now(), 0
		err := retry(t.Context(), func() error { n++; return again }, func(err error) bool { return errors.Is(err, again) })
		if took := time.Since(start); !errors.Is(err, again) || took < 9*time.Second || took > 11*time.Second || n < 90 || n > 200 {
			t.Errorf("%v after %v and %d attempts", err, took, n)
		}
		n = 0
		final := errors.New("final")
		if err := retry(t.Context(), func() error { n++; return final }, func(err error) bool { return errors.Is(err, again) }); err != final || n != 1 {
			t.Errorf("%v after %d attempts", err, n)
		}
		n = 0
		if err := retry(t.Context(), func() error {
			if n++; n < 5 {
				return again
			}
			return nil
		}, func(error) bool { return true }); err != nil || n != 5 {
			t.Errorf("%v after %d attempts", err, n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start = time.Now()
		if err := retry(ctx, func() error { return again }, func(error) bool { return true }); err != again || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestRetriable(t *testing.T) {
	for err, want := range map[error]bool{
		kerr.CoordinatorLoadInProgress: true, kerr.NotCoordinator: true, kerr.ConcurrentTransactions: true, kerr.UnknownTopicOrPartition: true,
		kerr.UnknownMemberID: false, kerr.IllegalGeneration: false, kerr.ProducerFenced: false, kerr.InvalidProducerEpoch: false,
		kerr.UnknownServerError: false, errors.New("broken connection"): false,
	} {
		if retriable(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
}
