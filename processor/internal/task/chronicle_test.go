package task

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/memstate"
	"github.com/kolkstream/kolk/topology"
)

// known is what a chronicle says, for comparisons.
type known struct {
	Time, At, Closed int64
	Ending           stage
	Line             int64
	Mark             string
	Due              due
	Clock            int64
}

var daily = scheduleKey{topology.StreamTime, "daily"}

func (c *chronicle) known() known {
	k := known{Time: c.time, At: c.at, Closed: c.closed, Ending: c.end.ending, Line: c.line("line").now, Due: c.dues.now[daily], Clock: c.clock("join").now}
	if m := c.marks["store"]; m != nil {
		k.Mark = string(m.key)
	}
	return k
}

// TestChronicle: what was changed is gone after an abort, and there after a commit; and again for a
// task that reads the store.
func TestChronicle(t *testing.T) {
	e := memstate.New()
	defer e.Close()
	db, err := e.Open("task")
	if err != nil {
		t.Fatal(err)
	}
	open := func() *chronicle {
		c := newChronicle()
		c.store.store = state.NewOverlay(db).Open(1)
		return &c
	}
	c := open()
	begun := c.known()
	change := func(time int64) {
		c.at = time
		c.line("line").at = time - 5
		c.settle()
		c.setMark(&agenda{time: new(int64)}, "store", []byte("mark-of-a-store"), time+10)
		c.dues.set(daily, due{at: time + 1, interval: 1})
		c.clock("join").now = time + 3
		c.end.ending = ending
	}
	change(100)
	changed := c.known()
	want := known{Time: 100, At: 100, Closed: topology.NoTime, Ending: ending, Line: 95, Mark: "mark-of-a-store", Due: due{101, 1}, Clock: 103}
	if changed != want {
		t.Fatalf("changed: %+v, want %+v", changed, want)
	}
	c.abort()
	if got := c.known(); got != begun {
		t.Errorf("after an abort: %+v, want %+v", got, begun)
	}
	change(100)
	c.save(nil)
	c.commit()
	change(200)
	c.abort()
	if got := c.known(); got != changed {
		t.Errorf("after a commit, and an abort of what followed: %+v, want %+v", got, changed)
	}
	again := open()
	again.store = c.store
	if err := again.load(ID{Sub: "s"}, nil); err != nil {
		t.Fatal(err)
	}
	again.begin()
	if got := again.known(); got != changed {
		t.Errorf("read again: %+v, want %+v", got, changed)
	}
}

// TestLeftOuts: a record is left out as often as it comes, until a commit in whose transaction it
// came.
func TestLeftOuts(t *testing.T) {
	o, other := topology.Origin{Topic: "in", Offset: 7}, topology.Origin{Topic: "in", Offset: 8}
	l := leftOuts{{origin: o}}
	l.commit()
	for range 2 {
		if !l.meets(o) || l.meets(other) {
			t.Fatalf("%v", l)
		}
	}
	l.abort()
	l.commit()
	if !l.meets(o) {
		t.Fatal("forgotten although what it was left out of was aborted")
	}
	l.commit()
	if l.meets(o) {
		t.Error("still left out")
	}
}

// paces is what a task tells others.
type paces struct {
	limit int64
	told  []string
}

func (p *paces) Limit(int64) int64 { p.told = append(p.told, "limit"); return p.limit }
func (p *paces) Rest()             { p.told = append(p.told, "rest") }

// TestPacing: others are told what is news, and no more.
func TestPacing(t *testing.T) {
	p := &paces{limit: 50}
	c := pacing{with: p}
	c.turn()
	for _, step := range []struct {
		what  string
		ahead bool
	}{
		{"within", c.ahead(40, false, false)},
		{"within what was said", c.ahead(50, false, false)},
		{"without time", c.ahead(1000, true, false)},
		{"live", c.ahead(1000, false, true)},
		{"live again", c.ahead(1000, false, true)},
	} {
		if step.ahead {
			t.Errorf("%s: ahead", step.what)
		}
	}
	if !c.ahead(60, false, false) {
		t.Error("beyond the limit: not ahead")
	}
	c.idle(1_000, true) // it is hungry from now on
	c.idle(1_000+starved, true)
	c.idle(1_001+starved, true)
	c.idle(1_002+starved, false)
	if diff := cmp.Diff([]string{"limit", "rest", "limit", "rest"}, p.told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}
