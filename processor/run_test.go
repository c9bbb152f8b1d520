package processor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// bench is a broker with topics in and out of two partitions.
type bench struct {
	*testing.T
	broker *kfake.Cluster
	cl     *kgo.Client
	ctx    context.Context
}

func newBench(t *testing.T) *bench {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in", "out"), kfake.BrokerConfigs(map[string]string{"group.min.session.timeout.ms": "100"}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return &bench{t, broker, cl, ctx}
}

func (b *bench) produce(values ...string) {
	b.Helper()
	var recs []*kgo.Record
	for _, v := range values {
		recs = append(recs, &kgo.Record{Topic: "in", Key: []byte(v), Value: []byte(v)})
	}
	if err := b.cl.ProduceSync(b.ctx, recs...).FirstErr(); err != nil {
		b.Fatal(err)
	}
}

// app runs f on each value. Its name is that of the test.
func (b *bench) app(f func(string) string, change func(*processor.Config)) *processor.App {
	b.Helper()
	top := topology.New("app")
	top.Stream("in", serde.String(), serde.String()).MapValues(f).To("out")
	return b.run(top, change)
}

func (b *bench) run(top *topology.Topology, change func(*processor.Config)) *processor.App {
	b.Helper()
	plan, err := top.Build()
	if err != nil {
		b.Fatal(err)
	}
	// A test that leaves a function behind ends before it: its directory cannot be the test's, nor
	// its log.
	c := processor.Config{Brokers: b.broker.ListenAddrs(), StateDir: b.TempDir(), Workers: 1, UntilEnd: true, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&c)
	}
	app, err := processor.New(plan, c)
	if err != nil {
		b.Fatal(err)
	}
	return app
}

// out returns the values in the output, sorted; committed ones alone.
func (b *bench) out(n int) []string {
	b.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.broker.ListenAddrs()...), kgo.ConsumeTopics("out"), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(10*time.Millisecond))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	var got []string
	for len(got) < n {
		fs := cl.PollFetches(b.ctx)
		if err := fs.Err0(); err != nil {
			b.Fatalf("%v after %q", err, got)
		}
		fs.EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	slices.Sort(got)
	return got
}

// recorder notes states and aborts, and tells of commits.
type recorder struct {
	mu        sync.Mutex
	states    []processor.State
	aborts    int
	committed chan struct{}
	running   chan struct{}
}

func newRecorder() *recorder {
	return &recorder{committed: make(chan struct{}, 100), running: make(chan struct{}, 100)}
}

func (r *recorder) OnState(from, to processor.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.states); n > 0 && r.states[n-1] != from {
		panic(fmt.Sprintf("from %v to %v after %v", from, to, r.states))
	}
	r.states = append(r.states, to)
	if to == processor.Running {
		r.running <- struct{}{}
	}
}

func (r *recorder) OnCommit(int, int64, time.Duration) {
	select {
	case r.committed <- struct{}{}:
	default:
	}
}

func (r *recorder) OnAbort(int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.aborts++
}

// TestStates are told in order, and Run is called once.
func TestStates(t *testing.T) {
	b := newBench(t)
	rec := newRecorder()
	app := b.app(strings.ToUpper, func(c *processor.Config) { c.UntilEnd, c.Hooks = false, []processor.Hook{rec} })
	if app.State() != processor.Created {
		t.Errorf("at first %v", app.State())
	}
	b.produce("a", "b")
	ctx, cancel := context.WithCancel(b.ctx)
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	<-rec.running
	<-rec.committed
	if err := app.Run(ctx); err == nil {
		t.Error("Run twice")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	want := []processor.State{processor.Starting, processor.Rebalancing, processor.Running, processor.Stopping, processor.Stopped}
	if !slices.Equal(rec.states, want) {
		t.Errorf("states %v, want %v", rec.states, want)
	}
	if s := app.Stats(); s.In != 2 || s.Out != 2 || s.Commits == 0 || len(s.Tasks) != 0 {
		t.Errorf("%+v", s)
	}
}

// TestStopBeforeStart: an application that is stopped while it waits for its brokers ends in peace.
func TestStopBeforeStart(t *testing.T) {
	b := newBench(t)
	app := b.app(strings.ToUpper, func(c *processor.Config) { c.Brokers = []string{"127.0.0.1:1"} })
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	if err := app.Run(ctx); err != nil || app.State() != processor.Stopped {
		t.Errorf("%v, %v", err, app.State())
	}
	app = b.app(strings.ToUpper, func(c *processor.Config) { c.Brokers = []string{"127.0.0.1:1"} })
	ctx, cancel = context.WithTimeout(b.ctx, 50*time.Millisecond)
	defer cancel()
	if err := app.Run(ctx); err != nil || app.State() != processor.Stopped {
		t.Errorf("deadline: %v, %v", err, app.State())
	}
}

// TestStartFails names what is missing.
func TestStartFails(t *testing.T) {
	b := newBench(t)
	top := topology.New("app")
	top.Stream("nowhere", serde.String(), serde.String()).To("out")
	app := b.run(top, nil)
	var missing *processor.MissingTopicsError
	if err := app.Run(b.ctx); !errors.As(err, &missing) || app.State() != processor.Failed {
		t.Errorf("%v, %v", err, app.State())
	}
}

// TestTimesThatBrokersRefuse are errors of the configuration, each with its field.
func TestTimesThatBrokersRefuse(t *testing.T) {
	b := newBench(t)
	app := b.app(strings.ToUpper, func(c *processor.Config) { c.TransactionTimeout, c.SessionTimeout = time.Hour, 2*time.Hour })
	err := app.Run(b.ctx)
	var fields []string
	for todo := []error{err}; len(todo) > 0; {
		next := todo[0]
		todo = todo[1:]
		if all, ok := next.(interface{ Unwrap() []error }); ok {
			todo = append(todo, all.Unwrap()...)
		} else if wrong, ok := errors.AsType[*processor.ConfigError](next); ok {
			fields = append(fields, wrong.Field)
		} else {
			t.Errorf("%T: %v", next, next)
		}
	}
	if !slices.Equal(fields, []string{"TransactionTimeout", "SessionTimeout"}) {
		t.Errorf("%q: %v", fields, err)
	}
}

// blocking is a function that does not return for one value, until the test ends.
func blocking(t *testing.T, value string) (f func(string) string, reached chan struct{}) {
	reached = make(chan struct{})
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	return func(v string) string {
		if v == value {
			close(reached)
			<-release
		}
		return v
	}, reached
}

// TestStuck: a function that does not return ends the application, with the record named; Run
// returns all the same.
func TestStuck(t *testing.T) {
	b := newBench(t)
	b.produce("a")
	f, _ := blocking(t, "a")
	app := b.app(f, func(c *processor.Config) { c.TaskTimeout, c.StateDir = 100*time.Millisecond, tempDir(t) })
	var stuck *processor.StuckError
	if err := app.Run(b.ctx); !errors.As(err, &stuck) || stuck.Origin.Topic != "in" || stuck.Origin.Offset != 0 || stuck.Task.Sub != "in" {
		t.Errorf("%v", err)
	}
	if app.State() != processor.Failed {
		t.Error(app.State())
	}
}

// TestShutdownTimeout: Run returns although a function does not, and says that the shutdown took
// too long.
func TestShutdownTimeout(t *testing.T) {
	b := newBench(t)
	b.produce("a")
	f, reached := blocking(t, "a")
	app := b.app(f, func(c *processor.Config) { c.ShutdownTimeout, c.StateDir = 50*time.Millisecond, tempDir(t) })
	ctx, cancel := context.WithCancel(b.ctx)
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	<-reached
	cancel()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "shutdown took longer than 50ms") {
		t.Errorf("error %v", err)
	}
	if b.ctx.Err() != nil {
		t.Error("it took for ever")
	}
}

// TestPanic: under Fail the application ends with the record named and nothing of it is committed;
// under Skip that record alone is missing, and counted.
func TestPanic(t *testing.T) {
	values := make([]string, 0, 50)
	for i := range 50 {
		values = append(values, fmt.Sprintf("v%02d", i))
	}
	f := func(v string) string {
		if v == "v33" {
			panic("oops")
		}
		return v
	}
	t.Run("fail", func(t *testing.T) {
		b := newBench(t)
		b.produce(values...)
		app := b.app(f, nil)
		var re *processor.RecordError
		if err := app.Run(b.ctx); !errors.As(err, &re) || !re.Panicked || string(re.Key) != "v33" || !strings.Contains(err.Error(), "oops") {
			t.Errorf("error %v", err)
		}
	})
	for _, guarantee := range []processor.Guarantee{processor.ExactlyOnce, processor.AtLeastOnce} {
		t.Run(fmt.Sprint("skip ", guarantee), func(t *testing.T) {
			b := newBench(t)
			b.produce(values...)
			app := b.app(f, func(c *processor.Config) { c.OnError, c.Guarantee = processor.Skip, guarantee })
			if err := app.Run(b.ctx); err != nil {
				t.Fatal(err)
			}
			want := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "v33" })
			got := b.out(len(want))
			if guarantee == processor.AtLeastOnce {
				got = slices.Compact(got)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q", got)
			}
			failed := int64(0)
			for _, d := range app.Stats().Dropped {
				if d.Reason == topology.Failed {
					failed += d.Count
				}
			}
			if failed != 1 {
				t.Errorf("%d records count as failed: %+v", failed, app.Stats())
			}
		})
	}
}

// TestAtLeastOnce with a broker that refuses a changelog record: the state is restored, and nothing
// is lost.
func TestAtLeastOnce(t *testing.T) {
	b := newBench(t)
	want := map[string]bool{}
	for i := range 100 {
		v := fmt.Sprintf("v%d", i%10)
		want[v] = true
		b.produce(v)
	}
	b.broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "app-counts-changelog", Err: kerr.InvalidTimestamp})
	rec := newRecorder()
	top := topology.New("app")
	top.Stream("in", serde.String(), serde.String()).GroupByKey().Count("counts").ToStream().MapValues(func(n int64) string { return fmt.Sprint(n) }).To("out")
	app := b.run(top, func(c *processor.Config) { c.Guarantee, c.Hooks = processor.AtLeastOnce, []processor.Hook{rec} })
	if err := app.Run(b.ctx); err != nil {
		t.Fatal(err)
	}
	if s := app.Stats(); s.Aborts == 0 || s.Resets == 0 || rec.aborts == 0 {
		t.Errorf("nothing failed: %+v", s)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.broker.ListenAddrs()...), kgo.ConsumeTopics("out"), kgo.FetchMaxWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for len(want) > 0 {
		fs := cl.PollFetches(b.ctx)
		if err := fs.Err0(); err != nil {
			t.Fatalf("%v: counts of %v did not reach 10", err, want)
		}
		fs.EachRecord(func(r *kgo.Record) {
			// What was in the changelog may be counted again, nothing may be missing.
			if n := string(r.Value); n == "10" || len(n) > 1 {
				delete(want, string(r.Key))
			}
		})
	}
}

// tempDir is a directory that is not deleted at the end of the test: an application that was left
// behind still has it open.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "kolk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // as far as it goes
	return dir
}
