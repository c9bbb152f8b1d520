package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
)

// TestZombie stops an instance with SIGSTOP in the middle of its work until the group has given its
// partitions away, and lets it go on: whatever it still wants to commit is refused, and it takes
// part again. Then another one is stopped while it has nothing to do, and dies when it hears that
// it was thrown out.
//
// No instance is stopped while the group meets: kfake waits for a leader then as long as a
// rebalance may take, which is minutes.
func TestZombie(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	const portion = 4_000
	f := newFleet(t, b, job{"both", names(t, "app")}, 2)
	f.topics(4)
	for _, i := range f.instances {
		i.config.Session, i.config.Transaction = 1500*time.Millisecond, 2*time.Second
	}
	one, two := f.instances[0], f.instances[1]
	two.config.Points = []pointConfig{{Name: failpoint.InLost, Nth: 1, Action: "kill"}}
	live := readLive(t, b.Addr(), f.job.delays(), f.job.counts())
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	portions := make(chan int, 4)
	loaded := make(chan error, 1)
	go func() { loaded <- f.load(ctx, portions) }()
	all := 4 * len(f.plan.ForRuntime(flow.Key{}).SubTopologies)
	shared := func() {
		t.Helper()
		eventually(t, time.Minute, "tasks on both", func() (bool, string) {
			m, n := one.child.tasks(), two.child.tasks()
			f.anyExited(t)
			return m > 0 && n > 0 && m+n == all, fmt.Sprintf("%d and %d", m, n)
		})
	}
	results := func(n int) {
		t.Helper()
		eventually(t, time.Minute, fmt.Sprintf("%d results", n), func() (bool, string) {
			f.anyExited(t)
			return live.count() >= n, strconv.Itoa(live.count())
		})
	}
	one.start(t)
	two.start(t)
	shared()

	portions <- portion
	results(portion / 4) // a transaction is open as likely as not
	one.child.signal(t, syscall.SIGSTOP)
	portions <- portion
	results(2 * portion) // the other one does all of the work, the zombie's partitions too
	two.child.awaitTasks(t, all)
	one.child.signal(t, syscall.SIGCONT)
	shared()

	f.admin.awaitNoLag(time.Minute, f.job.Prefix, f.job.flights(), f.job.Prefix+"-state-repartition")
	two.child.signal(t, syscall.SIGSTOP)
	one.child.awaitTasks(t, all)
	two.child.signal(t, syscall.SIGCONT)
	// If it was telling the time, it has an open transaction all the same, and hears first that
	// this is no more.
	eventually(t, 30*time.Second, "death when lost, or a new client", func() (bool, string) {
		return two.child.exited() || strings.Contains(tail(two.child.log, 4000), "starting over with a new client"), ""
	})
	two.child.kill()
	two.config.Points = nil
	two.restart(t)
	portions <- 2 * portion
	close(portions)
	if err := <-loaded; err != nil {
		t.Fatal(err)
	}
	f.check(t, live, time.Minute)
}

// TestBrokerRestarts kills the broker in the middle of the work and starts it again: the instances
// wait and go on.
//
// kfake is killed between two transactions alone. What it finds open when it starts again it takes
// for aborted without writing a marker: readers skip what follows, and the next start takes it for
// committed. Apache Kafka is killed at any time.
func TestBrokerRestarts(t *testing.T) {
	t.Parallel()
	b := startBrokerProcess(t)
	job := newCounting(t, b, 2_000)
	var between gate
	points := between.at(failpoint.AfterApply)
	if brokerName != "kfake" {
		points = nil
	}
	a := startApp(t, b, job.job, points, nil)
	for round := range 2 {
		job.await(job.n, a)
		job.n += some(job, 2_000)
		job.await(job.n-1_500, a)
		if points != nil {
			between.shut()
			job.n += some(job, 10) // so that there is a commit
			between.awaitCaught(t)
		}
		b.Kill()
		if round == 1 {
			// Long enough that requests fail and are tried again.
			pause(3 * time.Second)
		}
		between.open()
		b.Restart(t)
		job.n += some(job, 200)
	}
	job.check(a)
}

// gate holds up whoever comes to a failpoint while it is shut.
type gate struct {
	mu     sync.Mutex
	closed chan struct{} // nil: open
	caught int
}

func (g *gate) at(name failpoint.Name) failpoint.Points {
	return func(n failpoint.Name) error {
		if n != name {
			return nil
		}
		g.mu.Lock()
		closed := g.closed
		if closed != nil {
			g.caught++
		}
		g.mu.Unlock()
		if closed != nil {
			<-closed
		}
		return nil
	}
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed, g.caught = make(chan struct{}), 0
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed != nil {
		close(g.closed)
		g.closed = nil
	}
}

func (g *gate) awaitCaught(t *testing.T) {
	t.Helper()
	eventually(t, 30*time.Second, "somebody at the gate", func() (bool, string) {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.caught > 0, ""
	})
}

// TestBrokerNotThere starts an instance before its broker: it waits, says so, and begins when the
// broker is there.
func TestBrokerNotThere(t *testing.T) {
	t.Parallel()
	b := startBrokerProcess(t)
	job := newCounting(t, b, 500)
	b.Kill()
	a := startApp(t, b, job.job, nil, nil)
	a.log.await(t, 30*time.Second, "waiting")
	a.running(t)
	b.Restart(t)
	job.check(a)
}

// TestDiskFull lets all writes to disk fail: the instance ends with one message, and when there is
// space again it goes on from what was committed.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	const portion = 3_000
	f := newFleet(t, b, job{"both", names(t, "app")}, 1)
	f.topics(2)
	live := readLive(t, b.Addr(), f.job.delays(), f.job.counts())
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	portions := make(chan int, 3)
	loaded := make(chan error, 1)
	go func() { loaded <- f.load(ctx, portions) }()
	i := f.instances[0]
	i.config.FileSize, i.config.FlushBytes = 1, 4<<10
	portions <- portion
	i.start(t)
	eventually(t, time.Minute, "results", func() (bool, string) {
		return live.count() >= portion/2 || f.anyExited(t), strconv.Itoa(live.count())
	})
	i.child.signal(t, syscall.SIGUSR1)
	i.child.awaitKind(t, 10*time.Second, "full")
	portions <- portion
	failed := i.child.awaitKind(t, time.Minute, "failed")
	if code := i.child.wait(t, time.Minute); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	t.Logf("failed with: %s", failed.Text)
	if !contains(failed.Text, filepath.Base(syscall.EFBIG.Error()), "state") {
		t.Errorf("the message does not say what happened: %s", failed.Text)
	}
	i.config.FileSize = 0
	i.start(t)
	portions <- portion
	close(portions)
	if err := <-loaded; err != nil {
		t.Fatal(err)
	}
	f.check(t, live, time.Minute)
}

// TestTransactionTimesOut holds a worker up, with its transaction open, until the broker has
// aborted it: what it has processed is processed again.
func TestTransactionTimesOut(t *testing.T) {
	t.Parallel()
	job := newCounting(t, startBroker(t), 2_000)
	held := make(chan struct{}, 1)
	hits := 0
	hold := func(n failpoint.Name) error {
		if n != failpoint.BeforeEndTxn {
			return nil
		}
		if hits++; hits == 2 {
			pause(3 * time.Second)
			held <- struct{}{}
		}
		return nil
	}
	a := startApp(t, job.b, job.job, hold, func(cfg *processor.Config) {
		cfg.CommitInterval, cfg.TransactionTimeout = 20*time.Millisecond, time.Second
	})
	job.n += feed(job, 3, a)
	<-held
	job.check(a)
	if c := counters(a.App); brokerName == "kfake" && c["unknown"]+c["aborts"] == 0 {
		t.Errorf("no transaction was lost: %v", c)
	}
}

// TestSameInstanceTwice runs two processes on copies of one state directory, which makes them the
// same instance: one of them ends and says why, and nothing is done twice.
func TestSameInstanceTwice(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	f := newFleet(t, b, job{"counts", names(t, "app")}, 2)
	f.topics(2)
	live := readLive(t, b.Addr(), f.job.counts())
	const portion = 1_000
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	portions := make(chan int, 3)
	loaded := make(chan error, 1)
	go func() { loaded <- f.load(ctx, portions) }()
	one, two := f.instances[0], f.instances[1]
	portions <- portion
	one.start(t)
	eventually(t, time.Minute, "the first portion", func() (bool, string) {
		return live.count() >= portion || f.anyExited(t), strconv.Itoa(live.count())
	})
	one.child.stop(t, time.Minute)
	if err := os.CopyFS(two.config.StateDir, os.DirFS(one.config.StateDir)); err != nil {
		t.Fatal(err)
	}
	one.start(t)
	two.start(t)
	portions <- portion
	var gone, stays *instance
	eventually(t, time.Minute, "the end of one of them", func() (bool, string) {
		switch {
		case one.child.exited():
			gone, stays = one, two
		case two.child.exited():
			gone, stays = two, one
		}
		return gone != nil, fmt.Sprintf("%d results", live.count())
	})
	failed := gone.child.awaitKind(t, time.Second, "failed")
	t.Logf("%s: %s", gone.name, failed.Text)
	if !contains(failed.Text, "instance") {
		t.Errorf("the message does not say why: %s", failed.Text)
	}
	if stays.child.exited() {
		// Both met at the same moment. Whoever is started alone goes on.
		stays.restart(t)
	}
	gone.child = nil
	portions <- portion
	close(portions)
	if err := <-loaded; err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(gone.config.StateDir); err != nil {
		t.Fatal(err)
	}
	f.check(t, live, time.Minute)
}

// TestAtLeastOnceKilled kills an instance that commits without transactions: nothing is lost, and
// some may be counted twice.
func TestAtLeastOnceKilled(t *testing.T) {
	const n = 6_000
	rng := newRand(seeds.New(t))
	f := newFleet(t, startBroker(t), job{"counts", names(t, "app")}, 1)
	f.topics(2)
	live := readLive(t, f.broker.Addr(), f.job.counts())
	f.admin.produce(f.job.flights(), flightMessages(n/2))
	i := f.instances[0]
	i.config.AtLeastOnce = true
	i.start(t)
	for k := range 3 {
		target := k*n/8 + rng.IntN(n/8)
		eventually(t, time.Minute, "results", func() (bool, string) {
			return live.count() >= target || f.anyExited(t), strconv.Itoa(live.count())
		})
		i.killAndRestart(t)
	}
	f.admin.produce(f.job.flights(), func(yield func(message) bool) {
		at := 0
		for m := range flightMessages(n) {
			if at++; at > n/2 && !yield(m) {
				return
			}
		}
	})
	f.admin.awaitNoLag(time.Minute, f.job.Prefix, f.job.flights())
	f.stop(t)
	got := map[string]int{}
	for _, o := range readAll(t, f.broker.Addr(), f.job.counts()) {
		c, err := strconv.Atoi(o.Value)
		if err != nil {
			t.Fatal(err)
		}
		got[o.Key] = max(got[o.Key], c)
	}
	want := map[string]int{}
	for m := range flightMessages(n) {
		want[string(m.Key)]++
	}
	for k, c := range want {
		if got[k] < c {
			t.Errorf("%s: %d flights counted, want at least %d", k, got[k], c)
		}
	}
}
