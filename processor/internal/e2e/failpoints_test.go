package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
)

// TestKilledAtEachStep lets an instance die by SIGKILL at each step of the commit protocol and
// around it, one after the other on the same application and directory, with work going on in
// between. A second instance lives all the time, so that every death is followed by a rebalance,
// and its own partitions go on.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	const portion = 3_000 / slow
	f := newFleet(t, b, job{"both", names(t, "app")}, 2)
	f.topics(4)
	for _, i := range f.instances {
		i.config.FlushBytes = 4 << 10 // memtables are flushed every few commits
	}
	live := readLive(t, b.Addr(), f.job.delays(), f.job.counts())
	victim, other := f.instances[0], f.instances[1]

	// Revoking and aborting do not come by themselves: a joining instance causes the one, an error
	// the other.
	steps := []pointConfig{{Name: failpoint.InAbort, Nth: 1, Action: "kill"}}
	for _, n := range failpoint.All() {
		switch n {
		case failpoint.InRevoke, failpoint.InLost, failpoint.InAbort, failpoint.InClose:
		case failpoint.InAssign, failpoint.InRestore, failpoint.AfterRestore, failpoint.BeforeMemtableFlush, failpoint.AfterMemtableFlush:
			steps = append(steps, pointConfig{Name: n, Nth: 1, Action: "kill"})
		default:
			steps = append(steps, pointConfig{Name: n, Nth: 3, Action: "kill"})
		}
	}
	rng := newRand(seeds.New(t))
	rng.Shuffle(len(steps), func(i, k int) { steps[i], steps[k] = steps[k], steps[i] })
	portions := make(chan int, 1)
	loaded := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	go func() { loaded <- f.load(ctx, portions) }()

	// The first life of the victim leaves state that has to be caught up with.
	portions <- portion
	victim.start(t)
	eventually(t, time.Minute, "results of the first life", func() (bool, string) {
		return live.count() >= portion/2 || f.anyExited(t), strconv.Itoa(live.count())
	})
	other.start(t)
	victim.dieAt(t, steps[0], true, portions)
	for _, s := range steps[1:] {
		portions <- portion
		victim.dieAt(t, s, false, portions)
	}
	// In revoke: the other one leaves, the victim takes over everything, and has to give half of it
	// up when the other is back.
	other.child.stop(t, time.Minute)
	victim.config.Points = []pointConfig{{Name: failpoint.InRevoke, Nth: 1, Action: "kill"}}
	victim.restart(t)
	all := 4 * len(f.plan.ForRuntime(flow.Key{}).SubTopologies)
	victim.child.await(t, 30*time.Second, "all tasks", func(e event) bool { return e.Kind == "tasks" && e.Tasks == all })
	other.restart(t)
	if code := victim.child.wait(t, 30*time.Second); code != -1 {
		t.Fatalf("exit code %d, want death in revoke", code)
	}
	// In close: what is committed is in the database, and not on disk.
	victim.config.Points = []pointConfig{{Name: failpoint.InClose, Nth: 1, Action: "kill"}}
	victim.restart(t)
	victim.child.await(t, 30*time.Second, "running", isRunning)
	portions <- portion
	victim.child.terminate(t)
	if code := victim.child.wait(t, time.Minute); code != -1 {
		t.Fatalf("exit code %d, want death in close", code)
	}
	portions <- portion
	close(portions)
	victim.config.Points = nil
	victim.restart(t)
	if err := <-loaded; err != nil {
		t.Fatal(err)
	}
	f.check(t, live, 3*time.Minute)
	f.checkReplays(t)
}

// TestKilledWhileGivingUp kills a member that alone is to give a task up for a new one, and is not
// the leader. It is back at once, as the same static member, so that the group does not meet for
// it: and until it meets nobody has that task.
func TestKilledWhileGivingUp(t *testing.T) {
	f := newFleet(t, startBroker(t), job{"both", names(t, "giving")}, 6)
	f.topics(3)
	all := 3 * len(f.plan.ForRuntime(flow.Key{}).SubTopologies)
	if all != 6 {
		t.Fatalf("%d tasks, want 6", all)
	}
	running := f.instances[:1]
	settled := func(least int) {
		t.Helper()
		eventually(t, 30*time.Second, "all tasks", func() (bool, string) {
			n, fair := 0, true
			for _, i := range running {
				n += i.child.tasks()
				fair = fair && i.child.tasks() >= least
			}
			return n == all && fair || f.anyExited(t), fmt.Sprintf("%d of %d", n, all)
		})
	}
	running[0].start(t)
	settled(6)
	// The third takes one task of each of the others. From then on a newcomer takes one task, of
	// one of them.
	f.instances[1].config.Points = []pointConfig{{Name: failpoint.InRevoke, Nth: 2, Action: "kill"}}
	f.instances[2].config.Points = []pointConfig{{Name: failpoint.InRevoke, Nth: 1, Action: "kill"}}
	for n, least := range []int{3, 2} {
		running = f.instances[:n+2]
		running[n+1].start(t)
		settled(least)
	}
	var victim *instance
	for len(running) < len(f.instances) && victim == nil {
		running = f.instances[:len(running)+1]
		newcomer := running[len(running)-1]
		newcomer.start(t)
		eventually(t, 30*time.Second, "a death or a task of "+newcomer.name, func() (bool, string) {
			for _, i := range f.instances[1:3] {
				if i.child.exited() {
					victim = i
				}
			}
			return victim != nil || newcomer.child.tasks() > 0, ""
		})
	}
	if victim == nil {
		t.Fatal("only the leader has given something up")
	}
	if code := victim.child.wait(t, 30*time.Second); code != -1 {
		t.Fatalf("exit code %d, want death in revoke", code)
	}
	victim.config.Points = nil
	victim.restart(t)
	settled(0)
}

func isRunning(e event) bool { return e.Kind == "state" && e.Text == processor.Running.String() }

// dieAt restarts the instance, unless it is the first time, armed with s, and waits for its death
// there. How many commits a portion of the input takes depends on the machine: a little more comes
// in until it is dead.
func (i *instance) dieAt(t *testing.T, s pointConfig, killFirst bool, portions chan<- int) {
	t.Helper()
	points := []pointConfig{s}
	if s.Name == failpoint.InAbort {
		points = append(points, pointConfig{Name: failpoint.AfterFlush, Nth: 2, Action: "error"})
	}
	i.config.Points = points
	if killFirst {
		i.child.kill()
	}
	if s.Name == failpoint.InRestore || s.Name == failpoint.AfterRestore {
		// All of it is to be restored, so that there is something in any case.
		if err := os.RemoveAll(filepath.Join(i.config.StateDir, "tasks")); err != nil {
			t.Fatal(err)
		}
	}
	i.restart(t)
	eventually(t, time.Minute, i.name+"'s death "+string(s.Name), func() (bool, string) {
		select {
		case portions <- 20:
		default:
		}
		return i.child.exited(), ""
	})
	i.child.await(t, 0, "death "+string(s.Name), func(e event) bool { return e.Kind == "point" && e.Text == string(s.Name) })
	if code := i.child.wait(t, 10*time.Second); code != -1 {
		t.Fatalf("%s: exit code %d, want death at %s", i.name, code, s.Name)
	}
	i.config.Points = nil
}

// TestFailsAtEachStep lets each step fail with an error, in one process: the application goes on,
// or ends with that error and goes on after a restart. Nothing is lost or done twice.
func TestFailsAtEachStep(t *testing.T) {
	job := newCounting(t, startBroker(t), 1_000)
	dir := filepath.Join(t.TempDir(), "state")
	points := arm()
	run := func() *app {
		return startApp(t, job.b, job.job, points.hit, func(cfg *processor.Config) {
			cfg.StateDir, cfg.CommitInterval, cfg.FlushBytes = dir, 10*time.Millisecond, 1
		})
	}
	a := run()
	job.await(job.n, a)
	// These end the application: the local database cannot be trusted to follow what is committed,
	// or does not open.
	final := []failpoint.Name{
		failpoint.BeforeApply, failpoint.AfterApply, failpoint.BeforeMemtableFlush, failpoint.AfterMemtableFlush,
		failpoint.InAssign, failpoint.InRestore, failpoint.AfterRestore, failpoint.InAbort, failpoint.InClose,
	}
	for _, n := range failpoint.All() {
		t.Logf("failing at %s", n)
		switch n {
		case failpoint.InRevoke, failpoint.InLost:
			continue
		case failpoint.InClose:
			points.set(pointConfig{Name: n, Nth: 1, Action: "error"})
			a.cancel()
		case failpoint.InAbort:
			points.set(pointConfig{Name: n, Nth: 1, Action: "error"}, pointConfig{Name: failpoint.AfterFlush, Nth: 1, Action: "error"})
		case failpoint.InAssign, failpoint.InRestore, failpoint.AfterRestore:
			a.stop(t)
			dir = filepath.Join(t.TempDir(), "state") // everything is to be restored
			points.set(pointConfig{Name: n, Nth: 1, Action: "error"})
			a = run()
		default:
			points.set(pointConfig{Name: n, Nth: 2, Action: "error"})
		}
		if slices.Contains(final, n) {
			if n != failpoint.InClose {
				job.n += oneMore(job)
			}
			if n != failpoint.InClose && n != failpoint.InAssign && n != failpoint.InRestore && n != failpoint.AfterRestore {
				job.n += provoke(t, job, points, n)
			}
			// A failed memtable flush shows at the next commit.
			eventually(t, 30*time.Second, "the end of the application", func() (bool, string) {
				if a.ended() {
					return true, ""
				}
				job.n += some(job, 1)
				return false, ""
			})
			if !errors.Is(a.err, errInjected) {
				t.Fatalf("%s: the application ended with %v", n, a.err)
			}
			points.set()
			a = run()
			job.await(job.n, a)
			continue
		}
		job.n += provoke(t, job, points, n)
		job.await(job.n, a)
		if points.did(n) == 0 {
			t.Fatalf("%s was not hit twice", n)
		}
		points.set()
	}
	job.check(a)
}

// oneMore produces one more flight, without waiting for results.
func oneMore(c *counting) int { return some(c, 1) }

// some produces more flights, without waiting for results.
func some(c *counting, n int) int {
	c.t.Helper()
	c.admin.produce(c.job.flights(), func(yield func(message) bool) {
		i := 0
		for m := range flightMessages(c.n + n) {
			if i++; i > c.n && !yield(m) {
				return
			}
		}
	})
	return n
}

// provoke produces until the failpoint has acted, and returns how many flights that took.
func provoke(t *testing.T, c *counting, points *armed, n failpoint.Name) int {
	t.Helper()
	before := c.n
	eventually(t, 30*time.Second, "a failure at "+string(n), func() (bool, string) {
		if points.did(n) > 0 {
			return true, ""
		}
		c.n += some(c, 10)
		return points.did(n) > 0, fmt.Sprintf("%d hits", points.seen(n))
	})
	total := c.n - before
	c.n = before
	return total
}
