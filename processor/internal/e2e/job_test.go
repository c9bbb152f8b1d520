package e2e

import (
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor"
)

// TestDelays runs the flights job as a bounded run, over any number of partitions and workers, and
// compares with the loop.
func TestDelays(t *testing.T) {
	const n = 20_000 / slow
	want := delaysByState(n)
	for _, partitions := range []int32{1, 4, 7} {
		for _, workers := range []int{1, 2} {
			t.Run(fmt.Sprintf("%d-partitions-%d-workers", partitions, workers), func(t *testing.T) {
				b := startBroker(t)
				j := delaysJob(t, b, partitions, n)
				a := startApp(t, b, j, nil, func(cfg *processor.Config) {
					cfg.UntilEnd, cfg.Workers = true, workers
				})
				if err := a.wait(t, 3*time.Minute); err != nil {
					t.Fatal(err)
				}
				sameRows(t, j.delays(), readAll(t, b.Addr(), j.delays()), want)
				if c := counters(a.App); c["in"] != n || c["late"] != 0 {
					t.Errorf("in %d, late %d; want %d, 0", c["in"], c["late"], n)
				}
			})
		}
	}
}

// TestDelaysByThreeProcesses shares the same bounded run among three processes; each ends by
// itself.
func TestDelaysByThreeProcesses(t *testing.T) {
	const n = 20_000 / slow
	b := startBroker(t)
	j := delaysJob(t, b, 4, n)
	dir := t.TempDir()
	var children []*child
	for i := range 3 {
		name := "instance-" + strconv.Itoa(i)
		children = append(children, startChild(t, "instance", name, dir, instanceConfig{
			Job: j, Brokers: b.Addr(), StateDir: filepath.Join(dir, name), Workers: 1, UntilEnd: true,
		}))
	}
	var in int64
	for _, c := range children {
		if code := c.wait(t, time.Minute); code != 0 {
			t.Fatalf("%s: exit code %d; log:\n%s", c.name, code, tail(c.log, 4000))
		}
		in += c.awaitKind(t, time.Second, "done").Stats["in"]
	}
	if in != n {
		t.Errorf("%d flights in, over all processes, want %d", in, n)
	}
	sameRows(t, j.delays(), readAll(t, b.Addr(), j.delays()), delaysByState(n))
}

// delaysJob makes the topics of a flights job and loads them.
func delaysJob(t *testing.T, b Broker, partitions int32, n int) job {
	t.Helper()
	j := job{"delays", names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.flights(), partitions, nil)
	a.create(j.airports(), 2, nil)
	a.create(j.delays(), partitions, nil)
	a.produce(j.airports(), airportMessages())
	a.produce(j.flights(), flightMessages(n))
	return j
}

// TestRestartsGoOn stops an application cleanly and starts it again, with more input each time:
// nothing is replayed from the changelog, and the counts go on.
func TestRestartsGoOn(t *testing.T) {
	job := newCounting(t, startBroker(t), 1_000)
	dir := t.TempDir()
	change := func(cfg *processor.Config) { cfg.StateDir = dir }
	for i := range 3 {
		a := startApp(t, job.b, job.job, nil, change)
		job.await(job.n, a)
		if restored := counters(a.App)["restored"]; i > 0 && restored != 0 {
			t.Errorf("start %d replayed %d records after a clean stop", i+1, restored)
		}
		a.stop(t)
		job.n += feed(job, 1)
	}
	// Without the directory everything comes back from the changelog.
	a := startApp(t, job.b, job.job, nil, nil)
	job.await(job.n, a)
	if restored := counters(a.App)["restored"]; restored == 0 {
		t.Error("a new directory was restored from nothing")
	}
	job.check(a)
}

// TestAtLeastOnce runs without transactions and without faults: the results are the same.
func TestAtLeastOnce(t *testing.T) {
	job := newCounting(t, startBroker(t), 3_000)
	job.check(startApp(t, job.b, job.job, nil, func(cfg *processor.Config) { cfg.Guarantee = processor.AtLeastOnce }))
}
