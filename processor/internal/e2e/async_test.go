package e2e

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/processor"
)

// countedWords are n messages of some keys. The values of a key count up.
func countedWords(n int) (in []message, want []row) {
	counts := map[string]int{}
	for i := range n {
		key := "word-" + strconv.Itoa(i%13)
		counts[key]++
		v := strconv.Itoa(counts[key])
		in = append(in, word(key, v))
		want = append(want, row{key, v, 1})
	}
	return in, want
}

// TestAsyncThroughput: 64 calls of 5 ms run at once, in one task.
func TestAsyncThroughput(t *testing.T) {
	const n = 12_800 / slow
	b := startBroker(t)
	j := job{"async", names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.in(), 1, nil)
	a.create(j.out(), 1, nil)
	in, want := countedWords(n)
	a.produce(j.in(), only(in...))
	begun := time.Now()
	x := startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.UntilEnd = true })
	if err := x.wait(t, 2*time.Minute); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begun)
	got := readAll(t, b.Addr(), j.out())
	sameRows(t, j.out(), got, want)
	ascending(t, got)
	t.Logf("%d calls of 5 ms in %v: %.0f a second", n, took, float64(n)/took.Seconds())
	if one := n * 5 * time.Millisecond; took > one/4 {
		t.Errorf("%d calls took %v; one by one they would take %v", n, took, one)
	}
}

// TestAsyncKilled kills instances while calls are on their way, and stops others: tasks move, calls
// are made again, and each result is there once, in the order of its key.
func TestAsyncKilled(t *testing.T) {
	t.Parallel()
	const n = 12_000 / slow
	rng := newRand(seeds.New(t))
	f := newFleet(t, startBroker(t), job{"async by 8", names(t, "app")}, 2)
	f.admin.create(f.job.in(), 3, nil)
	f.admin.create(f.job.out(), 3, nil)
	live := readLive(t, f.broker.Addr(), f.job.out())
	in, want := countedWords(n)
	f.admin.produce(f.job.in(), only(in...))
	for _, i := range f.instances {
		i.config.Session = 3 * time.Second
		i.start(t)
	}
	for k := range 4 {
		target := k*n/6 + rng.IntN(n/6)
		eventually(t, time.Minute, "results", func() (bool, string) {
			return live.count() >= target || f.anyExited(t), fmt.Sprintf("%d of %d", live.count(), target)
		})
		if done := live.count(); done == n {
			t.Fatal("all was done before the kill")
		}
		f.instances[k%2].killAndRestart(t)
	}
	f.admin.awaitNoLag(time.Minute, f.job.Prefix, f.job.in())
	f.stop(t)
	got := readAll(t, f.broker.Addr(), f.job.out())
	sameRows(t, f.job.out(), got, want)
	ascending(t, got)
}
