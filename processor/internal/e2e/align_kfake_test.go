//go:build !kafka

package e2e

import (
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestOrderAfterKill kills one of two processes in the middle of a backfill. The other waits until
// it is back, and time goes back no further than the bound.
func TestOrderAfterKill(t *testing.T) {
	t.Parallel()
	const n = 1500
	b := startFake(t)
	j, a := met(t, b, 4, chain(every(time.Minute, n, 0), every(time.Minute, n, 1), every(time.Minute, n, 2), every(time.Minute, n, 3)))
	held := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: j.in(), Partitions: []int32{0, 1, 2, 3}, Err: kerr.NotLeaderForPartition, Count: -1})
	dir := t.TempDir()
	start := func(i int) *child {
		name := "instance-" + strconv.Itoa(i)
		return startChild(t, "instance", name, dir, instanceConfig{Job: j, Brokers: b.Addr(), StateDir: filepath.Join(dir, name),
			Workers: 1, MaxAhead: 10 * time.Minute, Session: 6 * time.Second})
	}
	children := []*child{start(0), start(1)}
	eventually(t, time.Minute, "tasks in both", func() (bool, string) {
		x, y := children[0].tasks(), children[1].tasks()
		return x >= 2 && y >= 2 && x+y == 5, fmt.Sprint(x, y)
	})
	held.Remove()
	eventually(t, time.Minute, "a third of the input", func() (bool, string) {
		at := a.committed(j.Prefix)[j.in()]
		return at[0] > n/3, fmt.Sprint(at)
	})
	children[0].kill()
	if at := a.committed(j.Prefix)[j.in()]; at[0] >= n || at[1] >= n || at[2] >= n || at[3] >= n {
		t.Fatal("all was done before the kill")
	}
	children[0] = start(0)
	eventually(t, time.Minute, "results", func() (bool, string) {
		got := len(readAll(t, b.Addr(), j.out()))
		return got == 4*n, fmt.Sprint(got)
	})
	if d := jumps(t, b, j, 4*n); d > 10*time.Minute {
		t.Errorf("time goes back by %v, more than 10 min", d)
	}
}
