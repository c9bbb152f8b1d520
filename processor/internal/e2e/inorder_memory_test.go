package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMemoryOfWhatIsDue has a million records of 100 bytes become due at once, when the bounded run
// ends: held back by an InOrder, held back with a store behind it, as the keys of one window, and
// as a million windows or keys that a Suppress holds back; and keeps a million records of each of
// two streams that are joined, all of which find one of the other stream, or none until the end.
// The process, with the default Memory of 256 MiB, takes no more than the 80 MiB more that
// Config.MemoryLimit speaks of, and what this binary has beyond kolk's.
func TestMemoryOfWhatIsDue(t *testing.T) {
	if os.Getenv("KOLK_MEMORY") == "" {
		t.Skip("make test-memory runs it, with a binary that is built without cgo")
	}
	// What Config.TuneGC sets.
	t.Setenv("GOGC", "200")
	t.Setenv("GOMEMLIMIT", "312MiB")
	for _, kind := range []string{"held", "held-store", "final", "paired", "alone", "suppressed", "suppressed-limit"} {
		t.Run(kind, func(t *testing.T) { testMemoryOf(t, kind) })
	}
}

func testMemoryOf(t *testing.T, kind string) {
	const n, limit = 1_000_000, (256 + 80 + 32) << 20
	b := startBrokerProcess(t)
	j := job{kind, names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.in(), 1, nil)
	a.create(j.out(), 1, nil)
	records := func(side string) func(func(message) bool) {
		return func(yield func(message) bool) {
			start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
			pad := strings.Repeat("x", 90)
			for i := range n {
				if !yield(message{Key: fmt.Appendf(nil, "%s%07d", side, i), Value: fmt.Appendf(nil, "%010d%s", i, pad), Timestamp: start + int64(i)*10}) {
					return
				}
			}
		}
	}
	a.produce(j.in(), records(""))
	in, out := int64(n), int64(n)
	switch kind {
	case "paired":
		a.create(j.named(), 1, nil)
		a.produce(j.named(), records(""))
		in = 2 * n
	case "alone":
		a.create(j.named(), 1, nil)
		a.produce(j.named(), records("other-"))
		in, out = 2*n, 2*n
	}
	dir := t.TempDir()
	c := startChild(t, "instance", "app", dir, instanceConfig{Job: j, Brokers: b.Addr(), StateDir: filepath.Join(dir, "state"), Workers: 1, UntilEnd: true})
	peak := int64(-1)
	eventually(t, 2*time.Minute, "the end of the run", func() (bool, string) {
		peak = max(peak, peakMemory(c.cmd.Process.Pid))
		return c.exited(), fmt.Sprint(a.committed(j.Prefix)[j.in()])
	})
	if code := c.wait(t, time.Minute); code != 0 {
		t.Fatalf("exit code %d; log:\n%s", code, tail(c.log, 4000))
	}
	s := c.awaitKind(t, time.Second, "done").Stats
	if s["in"] != in || s["out"] != out {
		t.Errorf("in %d, out %d; want %d and %d", s["in"], s["out"], in, out)
	}
	t.Logf("peak %d MiB", peak>>20)
	if peak < 0 {
		t.Skip("this system does not tell how much memory a process had at most")
	}
	if peak > limit {
		t.Errorf("the process had %d MiB in memory, more than %d", peak>>20, limit>>20)
	}
}

// peakMemory is how many bytes a process had in memory at most, -1 where that is not told or it has
// ended.
func peakMemory(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return -1
	}
	_, rest, ok := strings.Cut(string(text), "VmHWM:")
	if !ok {
		return -1
	}
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		return -1
	}
	return kib << 10
}
