package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// damaging is a count per key, joined with a global table, whose local state is damaged between and
// during runs.
type damaging struct {
	t    *testing.T
	b    Broker
	adm  *admin
	plan *topology.Plan
	dir  string
	app  string
	sent map[string]int // what a plain loop has counted
}

const damagedKeys = 10_000

func newDamaging(t *testing.T) *damaging {
	t.Helper()
	d := &damaging{t: t, b: startBroker(t), dir: t.TempDir(), app: names(t, "app"), sent: map[string]int{}}
	d.adm = newAdmin(t, d.b.Addr())
	for _, topic := range []string{"in", "names", "out"} {
		d.adm.create(d.topic(topic), 1, nil)
	}
	tp := topology.New(d.app)
	table := tp.GlobalTable(d.topic("names"), serde.String(), serde.String())
	tp.Stream(d.topic("in"), serde.String(), serde.String()).
		JoinGlobal("named", table, func(v string) string { return v }, topology.Inner(func(v, name string) string { return name })).
		GroupBy("by-name", func(v string) string { return v }).
		Count("counts").EachUpdate().
		ToStream().To(d.topic("out"))
	var err error
	if d.plan, err = tp.Build(); err != nil {
		t.Fatal(err)
	}
	d.adm.produce(d.topic("names"), func(yield func(message) bool) {
		for i := range damagedKeys {
			if !yield(message{Key: []byte(strconv.Itoa(i)), Value: fmt.Appendf(nil, "name-%d", i)}) {
				return
			}
		}
	})
	return d
}

func (d *damaging) topic(name string) string { return d.app + "-" + name }

// send sends a record for every key from lo on.
func (d *damaging) send(lo, hi int) {
	d.t.Helper()
	d.adm.produce(d.topic("in"), func(yield func(message) bool) {
		for i := lo; i < hi; i++ {
			d.sent[fmt.Sprintf("name-%d", i)]++
			if !yield(message{Key: []byte("k"), Value: []byte(strconv.Itoa(i)), Timestamp: 1000}) {
				return
			}
		}
	})
}

// run runs to the end, and compares what came out with what was sent.
func (d *damaging) run(what string) *logBuffer {
	d.t.Helper()
	a := startPlan(d.t, d.b.Addr(), d.plan, nil, func(c *processor.Config) {
		c.StateDir, c.UntilEnd, c.Memory, c.CommitInterval = d.dir, true, 64<<20, 20*time.Millisecond
	})
	if err := a.wait(d.t, time.Minute); err != nil {
		d.t.Fatalf("%s: %v", what, err)
	}
	d.check(what)
	return a.log
}

func (d *damaging) check(what string) {
	d.t.Helper()
	got := map[string]int{}
	for _, o := range readAll(d.t, d.b.Addr(), d.topic("out")) {
		n, err := serde.Int64().Decode([]byte(o.Value))
		if err != nil {
			d.t.Fatal(err)
		}
		if got[o.Key]++; int(n) != got[o.Key] {
			d.t.Fatalf("%s: count %d of %s is %d", what, got[o.Key], o.Key, n)
		}
	}
	for k, n := range d.sent {
		if got[k] != n {
			d.t.Fatalf("%s: %s was counted %d times of %d", what, k, got[k], n)
		}
	}
	if len(got) != len(d.sent) {
		d.t.Fatalf("%s: %d keys of %d", what, len(got), len(d.sent))
	}
}

// largest returns the largest table below a directory.
func (d *damaging) largest(below string) string {
	d.t.Helper()
	var found string
	var most int64
	err := filepath.WalkDir(filepath.Join(d.dir, below), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := e.Info(); err == nil && strings.HasSuffix(path, ".sst") && info.Size() > most {
			found, most = path, info.Size()
		}
		return nil
	})
	if err != nil || found == "" {
		d.t.Fatalf("no table below %s: %v", below, err)
	}
	return found
}

// flip flips a bit in place.
func flip(t *testing.T, path string, part, of int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at := len(b) * part / of
	if _, err := f.WriteAt([]byte{b[at] ^ 0x40}, int64(at)); err != nil {
		t.Fatal(err)
	}
}

// said demands that the log says what was damaged, once, and has no stack traces.
func (d *damaging) said(log *logBuffer, what, words string, lines int) {
	d.t.Helper()
	text := log.String()
	if n := strings.Count(text, words); n > 1 || n == 0 && lines > 0 {
		d.t.Errorf("%s: %q is said %d times:\n%s", what, words, n, text)
	}
	if strings.Contains(text, ".go:") || bytes.Count([]byte(text), []byte("\n")) > 60 {
		d.t.Errorf("%s: the log is long, or has a stack:\n%.5000s", what, text)
	}
}

// TestDamage flips a bit of the state of a task, and of a global table: it is found when it is
// read, said, and rebuilt in the same run, whose results are those of a plain loop.
func TestDamage(t *testing.T) {
	t.Parallel()
	d := newDamaging(t)
	d.send(0, damagedKeys)
	d.run("first")
	for _, part := range []int{1, 3, 5} {
		flip(t, d.largest("tasks"), part, 6)
		d.send(0, damagedKeys)
		what := fmt.Sprintf("task, part %d", part)
		log := d.run(what)
		d.said(log, what, "the local state of a task is damaged: it is rebuilt", 1)
		d.said(d.run("after it"), "after it", "damaged", 0)
	}
	for _, part := range []int{1, 3, 5} {
		flip(t, d.largest("globals"), part, 6)
		d.send(0, damagedKeys)
		what := fmt.Sprintf("global, part %d", part)
		d.said(d.run(what), what, "msg=\"the local copy of a global table is damaged: it is read again\"", 1)
		d.said(d.run("after it"), "after it", "damaged", 0)
	}
}
