package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/processor"
)

// counting is a counting job on some flights, checked exactly afterwards: whatever a fault loses or
// repeats shows in the counts.
type counting struct {
	t     *testing.T
	b     Broker
	admin *admin
	job   job
	n     int
	live  *liveReader
}

// newCounting creates topics and loads n flights into two partitions.
func newCounting(t *testing.T, b Broker, n int) *counting {
	t.Helper()
	c := &counting{t: t, b: b, admin: newAdmin(t, b.Addr()), job: job{"counts", names(t, "app")}, n: n}
	c.admin.create(c.job.flights(), 2, nil)
	c.admin.create(c.job.counts(), 2, nil)
	c.live = readLive(t, b.Addr(), c.job.counts())
	c.admin.produce(c.job.flights(), flightMessages(n))
	return c
}

// await waits for the first n results.
func (c *counting) await(n int, apps ...*app) {
	c.t.Helper()
	eventually(c.t, time.Minute, fmt.Sprintf("%d results", n), func() (bool, string) {
		for _, a := range apps {
			a.running(c.t)
		}
		got := c.live.count()
		return got >= n, strconv.Itoa(got)
	})
}

// check waits for all results and compares. What counts is the input as the broker has it: a loader
// that met a dying broker may have written some of it twice.
func (c *counting) check(apps ...*app) {
	c.t.Helper()
	var in []message
	for _, o := range readAll(c.t, c.b.Addr(), c.job.flights()) {
		if json.Valid([]byte(o.Value)) {
			in = append(in, message{Key: []byte(o.Key), Timestamp: o.Timestamp})
		}
	}
	if len(in) < c.n {
		c.t.Fatalf("%d flights on the broker, %d were produced", len(in), c.n)
	}
	c.await(len(in), apps...)
	c.admin.awaitNoLag(30*time.Second, c.job.Prefix, c.job.flights())
	for _, a := range apps {
		a.stop(c.t)
	}
	got := readAll(c.t, c.b.Addr(), c.job.counts())
	sameRows(c.t, c.job.counts(), got, countsByKey(slices.Values(in)))
	ascending(c.t, got)
	nothingTakenBack(c.t, c.live.all(c.t), got)
}

// through lets the application's connections go through a wire.
func through(w *wire) func(*processor.Config) {
	return func(cfg *processor.Config) { cfg.ClientOptions = append(cfg.ClientOptions, kgo.Dialer(w.dial)) }
}

// nth returns a function that is true in its calls number from, ..., from+n-1, counted from 1.
func nth(from, n int64) (func() bool, *atomic.Int64) {
	var calls atomic.Int64
	var acted atomic.Int64
	return func() bool {
		c := calls.Add(1)
		if c >= from && c < from+n {
			acted.Add(1)
			return true
		}
		return false
	}, &acted
}

func isCommit(req kmsg.Request) bool { return req.(*kmsg.EndTxnRequest).Commit }

// TestLostReplies lets the broker do what was asked, and loses or falsifies the answer.
func TestLostReplies(t *testing.T) {
	for _, c := range []struct {
		name string
		// times is for how many commits.
		times int64
		reply func(kmsg.Response) verdict
	}{
		{"end-txn-once", 1, func(kmsg.Response) verdict { return cut }},
		{"end-txn-again-and-again", 8, func(kmsg.Response) verdict { return cut }},
		{"end-txn-fenced", 1, func(r kmsg.Response) verdict {
			r.(*kmsg.EndTxnResponse).ErrorCode = kerr.ProducerFenced.Code
			return pass
		}},
		{"end-txn-unknown-server-error", 1, func(r kmsg.Response) verdict {
			r.(*kmsg.EndTxnResponse).ErrorCode = kerr.UnknownServerError.Code
			return pass
		}},
		{"end-txn-timed-out", 2, func(r kmsg.Response) verdict {
			r.(*kmsg.EndTxnResponse).ErrorCode = kerr.RequestTimedOut.Code
			return pass
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			job := newCounting(t, startBroker(t), 4_000)
			var w wire
			due, acted := nth(2, c.times)
			w.add(wireRule{key: kmsg.EndTxn, reply: func(req kmsg.Request, resp kmsg.Response) verdict {
				if isCommit(req) && due() {
					return c.reply(resp)
				}
				return pass
			}})
			a := startApp(t, job.b, job.job, nil, func(cfg *processor.Config) {
				through(&w)(cfg)
				cfg.CommitInterval = 5 * time.Millisecond
			})
			// Enough commits follow, so that the fault is not the end of the run.
			more := feed(job, 3, a)
			job.n += more
			job.check(a)
			if acted.Load() == 0 {
				t.Error("no reply was touched")
			}
		})
	}
}

// feed produces more flights in portions, each after the results of the one before, and returns how
// many.
func feed(c *counting, portions int, apps ...*app) int {
	c.t.Helper()
	const portion = 500
	total := 0
	for range portions {
		c.await(c.n+total, apps...)
		in := func(yield func(message) bool) {
			i := 0
			for m := range flightMessages(c.n + total + portion) {
				if i++; i > c.n+total && !yield(m) {
					return
				}
			}
		}
		c.admin.produce(c.job.flights(), in)
		total += portion
	}
	return total
}

// TestLostRequests cuts connections before the broker sees a request, or after it has answered, at
// random.
func TestLostRequests(t *testing.T) {
	rng := newRand(seeds.New(t))
	var mu sync.Mutex
	job := newCounting(t, startBroker(t), 4_000)
	var w wire
	var cuts atomic.Int64
	maybe := func() verdict {
		mu.Lock()
		defer mu.Unlock()
		if rng.IntN(25) == 0 {
			cuts.Add(1)
			return cut
		}
		return pass
	}
	for _, key := range []kmsg.Key{kmsg.Produce, kmsg.Fetch, kmsg.TxnOffsetCommit, kmsg.EndTxn, kmsg.InitProducerID, kmsg.OffsetFetch, kmsg.Heartbeat, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.ListOffsets, kmsg.Metadata} {
		w.add(wireRule{key: key, request: func(kmsg.Request) verdict { return maybe() }, reply: func(kmsg.Request, kmsg.Response) verdict { return maybe() }})
	}
	a := startApp(t, job.b, job.job, nil, func(cfg *processor.Config) {
		through(&w)(cfg)
		cfg.CommitInterval = 10 * time.Millisecond
	})
	for cuts.Load() < 15 {
		job.n += feed(job, 1, a)
	}
	job.check(a)
}

// TestRebalanceChurn lets a second instance join and leave all the time.
func TestRebalanceChurn(t *testing.T) {
	const rounds = 8
	rng := newRand(seeds.New(t))
	job := newCounting(t, startBroker(t), 2_000)
	stay := startApp(t, job.b, job.job, nil, nil)
	for range rounds {
		guest := startApp(t, job.b, job.job, nil, nil)
		job.n += feed(job, 1+rng.IntN(2), stay, guest)
		guest.stop(t)
		job.n += feed(job, 1, stay)
	}
	job.check(stay)
}
