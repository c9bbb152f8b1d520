//go:build !kafka

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/processor"
)

// TestRefusedForNow: a transaction whose first messages are refused for now, as Apache Kafka does
// while it finishes the one before, is not held up by the client, which looks at the metadata
// between two tries.
func TestRefusedForNow(t *testing.T) {
	b := startFake(t)
	job := newCounting(t, b, 300)
	a := startApp(t, b, job.job, nil, func(cfg *processor.Config) { cfg.CommitInterval = 10 * time.Millisecond })
	job.await(job.n, a)
	h := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: job.job.counts(), Err: kerr.ConcurrentTransactions, Count: 5})
	start := time.Now()
	job.n += feed(job, 1, a)
	job.check(a)
	if h.Hits() < 5 {
		t.Errorf("refused %d times", h.Hits())
	}
	// With the client's default, one look in five seconds, it takes 20 s.
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestUnknownForAWhile: a broker that does not know an output topic for a while, as after a
// restart, is waited for.
func TestUnknownForAWhile(t *testing.T) {
	b := startFake(t)
	job := newCounting(t, b, 300)
	a := startApp(t, b, job.job, nil, nil)
	job.await(job.n, a)
	h := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: job.job.counts(), Err: kerr.UnknownTopicOrPartition, Count: -1})
	job.n += feed(job, 1, a)
	// The client's default, four tries in a row for each of ten transactions, would be over by
	// then.
	eventually(t, 30*time.Second, "50 refusals", func() (bool, string) {
		select {
		case <-a.done:
			t.Fatalf("the application has ended after %d refusals: %v", h.Hits(), a.err)
		default:
		}
		return h.Hits() >= 50, fmt.Sprint(h.Hits())
	})
	h.Remove()
	job.check(a)
}

// TestBrokerErrors lets the broker refuse steps of the protocol.
func TestBrokerErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault func(j job) kfake.Fault
	}{
		{"end-txn-unknown-server-error", func(job) kfake.Fault {
			return kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.UnknownServerError, TopLevel: true}
		}},
		{"end-txn-fenced", func(job) kfake.Fault {
			return kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.ProducerFenced, TopLevel: true}
		}},
		{"end-txn-concurrent", func(job) kfake.Fault {
			return kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.ConcurrentTransactions, TopLevel: true, Count: 3}
		}},
		{"end-txn-not-coordinator", func(job) kfake.Fault {
			return kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.NotCoordinator, TopLevel: true, Count: 2}
		}},
		{"offset-commit-illegal-generation", func(job) kfake.Fault {
			return kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.IllegalGeneration}
		}},
		{"offset-commit-unknown-member", func(job) kfake.Fault {
			return kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.UnknownMemberID}
		}},
		{"offset-commit-loading", func(job) kfake.Fault {
			return kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.CoordinatorLoadInProgress, Count: 3}
		}},
		{"offset-commit-server-error", func(job) kfake.Fault {
			return kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.UnknownServerError}
		}},
		{"init-concurrent", func(job) kfake.Fault {
			return kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.ConcurrentTransactions, TopLevel: true, Count: 3}
		}},
		// The changelog alone: a commit of whatever succeeded would lose a state that its offsets
		// claim.
		{"produce-to-changelog", func(j job) kfake.Fault {
			return kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: changelogTopic(j.Prefix, "by-origin"), Err: kerr.UnknownServerError}
		}},
		{"produce-to-output", func(j job) kfake.Fault {
			return kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: j.counts(), Err: kerr.InvalidTimestamp}
		}},
		{"produce-not-enough-replicas-after-append", func(j job) kfake.Fault {
			return kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: changelogTopic(j.Prefix, "by-origin"), Err: kerr.NotEnoughReplicasAfterAppend, Count: 2}
		}},
		{"heartbeat-unknown-member", func(job) kfake.Fault {
			return kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.UnknownMemberID, TopLevel: true}
		}},
		{"offset-fetch-unstable", func(j job) kfake.Fault {
			return kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.UnstableOffsetCommit, Count: 5}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := startFake(t)
			job := newCounting(t, b, 3_000)
			early := c.fault(job.job).Keys[0] == kmsg.InitProducerID || c.fault(job.job).Keys[0] == kmsg.OffsetFetch
			var h *kfake.FaultHandle
			if early {
				h = b.Fault(c.fault(job.job))
			}
			a := startApp(t, b, job.job, nil, func(cfg *processor.Config) { cfg.CommitInterval = 10 * time.Millisecond })
			job.await(job.n, a)
			if !early {
				h = b.Fault(c.fault(job.job))
			}
			job.n += feed(job, 4, a)
			if c.name == "heartbeat-unknown-member" {
				eventually(t, 30*time.Second, "a heartbeat", func() (bool, string) { return h.Hits() > 0, "" })
			}
			job.n += feed(job, 1, a)
			job.check(a)
			if h.Hits() == 0 {
				t.Error("the fault was never met")
			}
		})
	}
}

// TestTooLargeForChangelog: a produce error that can never go away ends the application, and
// commits nothing of the transaction.
func TestTooLargeForChangelog(t *testing.T) {
	b := startFake(t)
	job := newCounting(t, b, 1_000)
	b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: changelogTopic(job.job.Prefix, "by-origin"), Err: kerr.MessageTooLarge, Count: -1})
	a := startApp(t, b, job.job, nil, nil)
	a.failsWith(t, 30*time.Second, changelogTopic(job.job.Prefix, "by-origin"), "MESSAGE_TOO_LARGE")
	if got := readAll(t, b.Addr(), job.job.counts()); len(got) > 0 {
		t.Errorf("%d results are visible, the first %v", len(got), got[0])
	}
	if at := job.admin.committed(job.job.Prefix)[job.job.flights()]; len(at) > 0 && (at[0] > 0 || at[1] > 0) {
		t.Errorf("offsets are committed: %v", at)
	}
}

// TestLeadersMove moves leaders and coordinators among three brokers, at first while counting, then
// in a bounded run.
func TestLeadersMove(t *testing.T) {
	// Of a partition whose records are all deleted kfake says after a change of leaders that its
	// log ends at 0: with this name kolk deletes nothing.
	c, err := kfake.NewCluster(append(kfakeOptions(0)[1:], kfake.NumBrokers(3), kfake.ClusterID("kfake-leaders"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	b := &inProcess{c, t}
	job := newCounting(t, b, 2_000)
	move := func(times int) (done chan struct{}) {
		done = make(chan struct{})
		go func() {
			defer close(done)
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for range times {
				<-tick.C
				c.ShufflePartitionLeaders()
				c.RehashCoordinators()
			}
		}()
		return done
	}
	moving := move(10)
	a := startApp(t, b, job.job, nil, nil)
	job.n += feed(job, 6, a)
	<-moving
	job.check(a)
	// And through a repartition topic, whose messages are transactional.
	const n = 5_000
	j := delaysJob(t, b, 4, n)
	moving = move(5)
	if err := startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.UntilEnd = true }).wait(t, time.Minute); err != nil {
		t.Fatal(err)
	}
	sameRows(t, j.delays(), readAll(t, b.Addr(), j.delays()), delaysByState(n))
	<-moving
}
