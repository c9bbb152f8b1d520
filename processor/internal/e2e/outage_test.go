package e2e

import (
	"fmt"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestZombie stops an instance with SIGSTOP until the group has given its partitions away, and lets it go on: whatever it still
// wants to commit is refused, and it takes part again.
func TestZombie(t *testing.T) {
	b := startBroker(t)
	const portion = 4_000
	f := newFleet(t, b, job{"both", names(t, "app")}, 2)
	f.topics(4)
	for _, i := range f.instances {
		i.config.Session, i.config.Transaction = 1500*time.Millisecond, 2*time.Second
	}
	live := readLive(t, b.Addr(), f.job.delays(), f.job.counts())
	ctx, cancel := f.admin.context()
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
		zombie := f.instances[round%2].child
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
	ctx, cancel := f.admin.context()
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
