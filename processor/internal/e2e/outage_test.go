package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
)

// TestZombie stops an instance with SIGSTOP until the group has given its partitions away, and lets it go on: whatever it still
// wants to commit is refused, and it takes part again. The second time it dies when it hears that it was thrown out.
func TestZombie(t *testing.T) {
	b := startBroker(t)
	const portion = 4_000
	f := newFleet(t, b, job{"both", names(t, "app")}, 2)
	f.topics(4)
	for _, i := range f.instances {
		i.config.Session, i.config.Transaction = 1500*time.Millisecond, 2*time.Second
	}
	f.instances[1].config.Points = []pointConfig{{Name: failpoint.InLost, Nth: 1, Action: "kill"}}
	live := readLive(t, b.Addr(), f.job.delays(), f.job.counts())
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	const rounds = 2
	portions := make(chan int, 2*rounds+1)
	loaded := make(chan error, 1)
	go func() { loaded <- f.load(ctx, (2*rounds+1)*portion, portions) }()
	for _, i := range f.instances {
		i.start(t)
		i.child.await(t, 30*time.Second, "running", isRunning)
	}
	for round := range rounds {
		zombie := f.instances[round].child
		portions <- portion
		// In the middle of its work, with a transaction open as likely as not.
		target := 2*round*portion + portion/4
		eventually(t, time.Minute, "work", func() (bool, string) {
			return live.count() >= target || f.anyExited(t), strconv.Itoa(live.count())
		})
		zombie.signal(t, syscall.SIGSTOP)
		portions <- portion
		// The other one does all of the work, the zombie's partitions too.
		want := 2 * (round + 1) * portion
		eventually(t, time.Minute, "the work of both portions by the other instance", func() (bool, string) {
			return live.count() >= want, fmt.Sprintf("%d of %d", live.count(), want)
		})
		zombie.signal(t, syscall.SIGCONT)
		if round == 1 {
			if code := zombie.wait(t, 30*time.Second); code != -1 {
				t.Fatalf("exit code %d, want death when lost", code)
			}
			f.instances[1].config.Points = nil
			f.instances[1].restart(t)
		}
	}
	portions <- portion
	close(portions)
	if err := <-loaded; err != nil {
		t.Fatal(err)
	}
	f.check(t, (2*rounds+1)*portion, live, time.Minute)
}

// TestBrokerRestarts kills the broker in the middle of the work and starts it again: the instances wait and go on.
func TestBrokerRestarts(t *testing.T) {
	b := startBrokerProcess(t)
	job := newCounting(t, b, 2_000)
	a := startApp(t, b, job.job, nil, nil)
	for round := range 2 {
		job.await(job.n, a)
		job.n += some(job, 2_000)
		job.await(job.n-1_500, a)
		b.Kill()
		if round == 1 {
			// Long enough that requests fail and are tried again.
			pause(3 * time.Second)
		}
		b.Restart(t)
		job.n += some(job, 200)
	}
	job.check(a)
}

// TestBrokerNotThere starts an instance before its broker: it waits, says so, and begins when the broker is there.
func TestBrokerNotThere(t *testing.T) {
	b := startBrokerProcess(t)
	job := newCounting(t, b, 500)
	b.Kill()
	a := startApp(t, b, job.job, nil, nil)
	a.log.await(t, 30*time.Second, "waiting")
	a.running(t)
	b.Restart(t)
	job.check(a)
}

// TestDiskFull lets all writes to disk fail: the instance ends with one message, and when there is space again it goes on
// from what was committed.
func TestDiskFull(t *testing.T) {
	b := startBroker(t)
	const portion = 3_000
	f := newFleet(t, b, job{"both", names(t, "app")}, 1)
	f.topics(2)
	live := readLive(t, b.Addr(), f.job.delays(), f.job.counts())
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	portions := make(chan int, 3)
	loaded := make(chan error, 1)
	go func() { loaded <- f.load(ctx, 3*portion, portions) }()
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
	f.check(t, 3*portion, live, time.Minute)
}

// TestTransactionTimesOut holds a worker up, with its transaction open, until the broker has aborted it: what it has processed
// is processed again.
func TestTransactionTimesOut(t *testing.T) {
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

// TestSameInstanceTwice runs two processes on copies of one state directory, which makes them the same instance: one of them
// ends and says why, and nothing is done twice.
func TestSameInstanceTwice(t *testing.T) {
	b := startBroker(t)
	f := newFleet(t, b, job{"counts", names(t, "app")}, 2)
	f.topics(2)
	live := readLive(t, b.Addr(), f.job.counts())
	const portion = 1_000
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	portions := make(chan int, 3)
	loaded := make(chan error, 1)
	go func() { loaded <- f.load(ctx, 3*portion, portions) }()
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
	f.check(t, 3*portion, live, time.Minute)
}

// TestAtLeastOnceKilled kills an instance that commits without transactions: nothing is lost, and some may be counted twice.
func TestAtLeastOnceKilled(t *testing.T) {
	const n = 6_000
	rng := newRand(seed(t))
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
