package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/timing"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

func newBroker(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func newClient(t *testing.T, broker *kfake.Cluster) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func prepare(t *testing.T, broker *kfake.Cluster, plan *flow.Plan) (*View, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return Prepare(ctx, newClient(t, broker), Options{App: "app", Plan: plan, ReplicationFactor: -1, Logger: slog.New(slog.DiscardHandler),
		Times: timing.Settings{Transaction: 10 * time.Second, Session: 10 * time.Second}, Transactional: true})
}

// counting counts by value: two sub-topologies and a repartition topic.
func counting(t *testing.T) *flow.Plan {
	t.Helper()
	top := topology.New("app")
	top.Stream("in", serde.String(), serde.String()).GroupBy("by", func(v string) string { return v }).Count("counts").ToStream().To("out")
	return build(t, top)
}

func build(t *testing.T, top *topology.Topology) *flow.Plan {
	t.Helper()
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan.ForRuntime(flow.Key{})
}

// TestPrepareMissing lists all missing topics at once.
func TestPrepareMissing(t *testing.T) {
	var missing *report.MissingTopicsError
	if _, err := prepare(t, newBroker(t), counting(t)); !errors.As(err, &missing) || !slices.Equal(missing.Topics, []string{"in", "out"}) {
		t.Errorf("error %v", err)
	}
}

// TestPrepare creates what is internal, sizes it by its inputs, and finds it again.
func TestPrepare(t *testing.T) {
	broker := newBroker(t, kfake.SeedTopics(3, "in"), kfake.SeedTopics(1, "out"))
	plan := counting(t)
	var before *View
	for range 2 {
		v, err := prepare(t, broker, plan)
		if err != nil {
			t.Fatal(err)
		}
		for topic, want := range map[string]int32{"in": 3, "out": 1, "app-by-repartition": 3, "app-counts-changelog": 3, "nothing": 0} {
			if n := v.Partitions(topic); n != want {
				t.Errorf("%s has %d partitions, want %d", topic, n, want)
			}
		}
		if !v.Transactions2 || v.ID == "" || v.DeleteRetention("app-counts-changelog") != 24*time.Hour || v.Name(v.TopicID("in")) != "in" {
			t.Errorf("view: transactions2 %v, cluster %q, delete retention %v", v.Transactions2, v.ID, v.DeleteRetention("app-counts-changelog"))
		}
		if before != nil && v.TopicID("app-counts-changelog") != before.TopicID("app-counts-changelog") {
			t.Error("internal topics were made again")
		}
		before = v
	}
}

// TestPrepareWaits for a topic whose leaders are not known yet.
func TestPrepareWaits(t *testing.T) {
	broker := newBroker(t, kfake.SeedTopics(3, "in"), kfake.SeedTopics(1, "out"))
	broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "in", Err: kerr.LeaderNotAvailable, Count: 2})
	if _, err := prepare(t, broker, counting(t)); err != nil {
		t.Error(err)
	}
}

// TestPrepareNewTopic: a topic that was created a moment ago is not known to every broker yet.
func TestPrepareNewTopic(t *testing.T) {
	broker := newBroker(t, kfake.SeedTopics(3, "in", "out"))
	broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "out", Err: kerr.UnknownTopicOrPartition, Count: 2})
	if _, err := prepare(t, broker, counting(t)); err != nil {
		t.Error(err)
	}
}

// TestPrepareCoPartitioned refuses topics that are joined and have different numbers of partitions.
func TestPrepareCoPartitioned(t *testing.T) {
	top := topology.New("app")
	right := top.Table("right", serde.String(), serde.String())
	top.Stream("left", serde.String(), serde.String()).Join("joined", right, topology.Inner(func(l, r string) string { return l + r })).To("out")
	plan := build(t, top)
	_, err := prepare(t, newBroker(t, kfake.SeedTopics(2, "left"), kfake.SeedTopics(3, "right", "out")), plan)
	if err == nil || !strings.Contains(err.Error(), "left") || !strings.Contains(err.Error(), "right") {
		t.Errorf("error %v", err)
	}
}

// TestWait: errors that do not go away end it, others are told and waited out, and the context ends
// it.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		if err := Wait(t.Context(), log, "x", func(context.Context) error { return kerr.TopicAuthorizationFailed }); !errors.Is(err, kerr.TopicAuthorizationFailed) {
			t.Error(err)
		}
		n := 0
		if err := Wait(t.Context(), log, "x", func(context.Context) error {
			if n++; n < 100 {
				return errors.New("connection refused")
			}
			return nil
		}); err != nil || n != 100 {
			t.Errorf("%v after %d attempts", err, n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if err := Wait(ctx, log, "x", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func newRuns(t *testing.T, broker *kfake.Cluster, v *View) *Runs {
	return &Runs{View: v, App: "app", Admin: kadm.NewClient(newClient(t, broker)), Logger: slog.New(slog.DiscardHandler)}
}

// TestRuns: all who ask in two processes get one run; it is over when all tasks have ended it; the
// next one has new ends.
func TestRuns(t *testing.T) {
	broker := newBroker(t, kfake.SeedTopics(2, "in"), kfake.SeedTopics(1, "out"))
	v, err := prepare(t, broker, counting(t))
	if err != nil {
		t.Fatal(err)
	}
	cl := newClient(t, broker)
	produce := func(n int) {
		for range n {
			if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Partition: 1, Value: []byte("v")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	produce(5)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	leader, follower := newRuns(t, broker, v), newRuns(t, broker, v)
	got := make(chan *Run, 20)
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			run, err := []*Runs{leader, follower}[i%2].Await(ctx)
			if err != nil {
				t.Error(err)
				run = &Run{}
			}
			got <- run
		})
	}
	leader.Leader.Store(true)
	group.Wait()
	close(got)
	run := <-got
	for other := range got {
		if other.ID != run.ID {
			t.Fatalf("runs %x and %x", other.ID, run.ID)
		}
	}
	if ends := run.Ends([]string{"in", "app-by-repartition"}, 1); len(ends) != 1 || ends["in"] != 5 {
		t.Errorf("ends %v, want 5", ends)
	}
	produce(2)

	commit := func(id uint64, topics ...string) {
		t.Helper()
		md, err := checkpoint.Metadata{TransactionalID: "x", Seq: 1, Ended: id}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		offsets := kadm.Offsets{}
		for _, topic := range topics {
			for p := range int32(2) {
				offsets.Add(kadm.Offset{Topic: topic, Partition: p, At: 1, LeaderEpoch: -1, Metadata: md})
			}
		}
		if err := leader.Admin.CommitAllOffsets(ctx, "app", offsets); err != nil {
			t.Fatal(err)
		}
	}
	completed := func(r *Runs, run *Run, want bool) {
		t.Helper()
		if done, err := r.Completed(ctx, run); err != nil || done != want {
			t.Errorf("completed: %v %v, want %v", done, err, want)
		}
	}
	completed(leader, run, false)
	commit(run.ID, "in")
	completed(leader, run, false)
	commit(run.ID-1, "app-by-repartition")
	completed(leader, run, false)
	commit(run.ID, "app-by-repartition")
	completed(leader, run, true)
	for range 2 { // any number of times
		if err := leader.Finish(ctx, run); err != nil {
			t.Fatal(err)
		}
	}
	// The next run of the application.
	leader2 := newRuns(t, broker, v)
	leader2.Leader.Store(true)
	next, err := leader2.Await(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if next.ID == run.ID || next.Ends([]string{"in"}, 1)["in"] != 7 {
		t.Errorf("the next run is %x up to %v", next.ID, next.Ends([]string{"in"}, 1))
	}
	completed(leader2, next, false)
	// Its tasks have committed again before the follower asked: the run that it knows is over all
	// the same.
	commit(next.ID, "in")
	completed(follower, run, true)
	if err := follower.Finish(ctx, run); err != nil {
		t.Fatal(err)
	}
	if again, err := newRuns(t, broker, v).Await(ctx); err != nil || again.ID != next.ID {
		t.Errorf("finishing the old run has ended the new one: %v %v", again, err)
	}
}

// TestRunsForeign: a group of that name that is somebody else's is an error.
func TestRunsForeign(t *testing.T) {
	broker := newBroker(t, kfake.SeedTopics(2, "in"), kfake.SeedTopics(1, "out"))
	v, err := prepare(t, broker, counting(t))
	if err != nil {
		t.Fatal(err)
	}
	r := newRuns(t, broker, v)
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: "in", Partition: 0, At: 1, LeaderEpoch: -1, Metadata: "something"})
	if err := r.Admin.CommitAllOffsets(t.Context(), "app-until-end", offsets); err != nil {
		t.Fatal(err)
	}
	if _, err := r.find(t.Context()); !errors.Is(err, errRun) {
		t.Error(fmt.Errorf("error %w", err))
	}
}
