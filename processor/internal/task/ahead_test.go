package task

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/flow"
)

// fakeCalls are calls ahead that are over when a test says so.
type fakeCalls struct {
	seen    []string
	most    int              // messages that are shown beyond what has passed
	open    map[string]int64 // the first offset whose call is not over, by topic
	shown   map[string]int64
	passed  map[string]int64
	wake    func()
	stopped int
}

func (c *fakeCalls) Source(topic string) flow.Source {
	if topic == "plain" {
		return nil
	}
	return &testSource{func(m *flow.Message) error {
		c.seen = append(c.seen, fmt.Sprintf("%s@%d %d %d", topic, m.Origin.Offset, m.Timestamp, m.Ref))
		c.shown[m.Origin.Topic]++
		if string(m.Value) == "panic" {
			panic("ahead")
		}
		return nil
	}}
}

func (c *fakeCalls) Wants(topic string) bool { return c.shown[topic]-c.passed[topic] < int64(c.most) }

func (c *fakeCalls) Ready(topic string, offset int64, wake func()) bool {
	c.wake = wake
	return offset < c.open[topic]
}

func (c *fakeCalls) Await(string, int64) { panic("the task waits") }

func (c *fakeCalls) Passed(topic string, offset int64) bool {
	c.passed[topic] = offset + 1
	return false
}

func (c *fakeCalls) Stop() bool {
	c.stopped++
	return false
}

// saw returns what was shown since the last call.
func (c *fakeCalls) saw() (seen []string) {
	seen, c.seen = c.seen, nil
	return seen
}

// newCallsBench opens a task with calls ahead.
func newCallsBench(t *testing.T, most int, inputs ...string) (*bench, *fakeCalls) {
	c := &fakeCalls{most: most, open: map[string]int64{}}
	b := newBench(t, inputs...)
	b.more = func(_ flow.Task, g *flow.Graph) {
		c.shown, c.passed = map[string]int64{}, map[string]int64{}
		g.Ahead = c
	}
	b.opts.Wake = func() {}
	return b.open(), c
}

// Messages are shown in order, with their time and ref, as far as that is wanted. A message whose
// calls are not over holds the task up, which says that there is more to do.
func TestCallsAhead(t *testing.T) {
	b, c := newCallsBench(t, 2, "a")
	b.add("a", 0, rec(0, 10), rec(1, 5), rec(2, 30), rec(3, 20), marker(4))
	want(t, "shown when they come", c.saw(), "a@0 10 10", "a@1 5 10")
	want(t, "processed", b.process())
	if !b.task.Behind() || c.wake == nil {
		t.Error("the task does not say that it has more to do, or is not to be woken")
	}
	c.open["a"] = 1
	want(t, "with the first call over", b.process(), "a@0 10 10")
	want(t, "shown", c.saw(), "a@2 30 30")
	c.open["a"] = 5
	want(t, "with all over", b.process(), "a@1 5 10", "a@2 30 30", "a@3 20 30")
	want(t, "shown", c.saw(), "a@3 20 30")
	if b.task.Behind() {
		t.Error("the task has more to do")
	}
}

// The order of inputs is what it is without calls, and inputs without calls wait for those with.
func TestCallsKeepTheOrder(t *testing.T) {
	b, c := newCallsBench(t, 9, "a", "plain")
	b.add("a", 0, rec(0, 10), rec(1, 30)).add("plain", 0, rec(0, 5), rec(1, 20))
	want(t, "before the call", b.process(), "plain@0 5 5")
	c.open["a"] = 1
	want(t, "behind it", b.process(), "a@0 10 10", "plain@1 20 20")
	c.open["a"] = 2
	want(t, "at last", b.process(), "a@1 30 30")
}

// After an abort calls are made again; those before it are ended, as they are at the end of the
// task. What panics ahead of its turn does so in its turn.
func TestCallsAreMadeAgain(t *testing.T) {
	b, c := newCallsBench(t, 9, "a")
	bad := rec(1, 20)
	bad.Value = []byte("panic")
	b.add("a", 0, rec(0, 10), bad, rec(2, 15))
	want(t, "shown", c.saw(), "a@0 10 10", "a@1 20 20", "a@2 15 20")
	c.open["a"] = 1
	want(t, "processed", b.process(), "a@0 10 10")
	if err := b.task.Abort(); err != nil {
		t.Fatal(err)
	}
	if c.stopped != 1 {
		t.Errorf("after an abort calls were stopped %d times", c.stopped)
	}
	b.add("a", 0, rec(0, 10), rec(1, 12))
	want(t, "shown again", c.saw(), "a@0 10 10", "a@1 12 12")
	c.open["a"] = 2
	want(t, "processed again", b.process(), "a@0 10 10", "a@1 12 12")
	b.close()
	if c.stopped != 2 {
		t.Errorf("at the end of the task calls were stopped %d times", c.stopped)
	}
}

// What is looked at ahead of the head comes in order, each record once, whatever is pushed and
// popped meanwhile.
func TestQueueLooksAhead(t *testing.T) {
	var q queue
	offset, looked, popped := int64(0), int64(0), int64(0)
	push := func(n int) {
		var recs []*kgo.Record
		for range n {
			recs = append(recs, &kgo.Record{Offset: offset})
			offset++
		}
		q.push(recs)
	}
	look := func(n int) {
		for range n {
			r := q.ahead()
			if r == nil {
				if looked = max(looked, popped); looked != offset {
					t.Fatalf("%d of %d were looked at", looked, offset)
				}
				return
			}
			looked = max(looked, popped)
			if r.Offset != looked {
				t.Fatalf("looked at %d, want %d", r.Offset, looked)
			}
			looked++
			q.lookOn()
		}
	}
	pop := func(n int) {
		for ; n > 0 && !q.empty(); n-- {
			if r := q.head(); r.Offset != popped {
				t.Fatalf("popped %d, want %d", r.Offset, popped)
			}
			q.pop(true)
			popped++
		}
	}
	for i := range 2000 {
		push(i * 7 % 4)
		look(i * 5 % 6)
		pop(i * 3 % 5)
		if i%97 == 0 {
			look(1000)
			pop(1000)
		}
	}
}
