package task

import (
	"math"
	"testing"
	"time"
)

// notes is an alignment that lets everything pass.
type notes struct{ rests, asked int }

func (n *notes) Limit(int64) int64 { n.asked++; return math.MaxInt64 }
func (n *notes) Rest()             { n.rests++ }

func TestStarvedTaskIsNotWaitedFor(t *testing.T) {
	b := newBench(t, "a").open()
	n := &notes{}
	b.task.pacing.with = n
	b.add("a", 5)
	b.process()
	b.clock.advance(starved * time.Millisecond)
	b.process()
	same(t, "said that nobody need wait", n.rests, 0)
	b.clock.advance(time.Millisecond)
	b.process()
	same(t, "said that nobody need wait", n.rests, 1)
	b.add("a", 0, rec(0, 10))
	want(t, "it gets something", b.process(), "a@0 10 10")
	same(t, "asked how far it may go", n.asked, 1)
	b.clock.advance(starved * time.Millisecond)
	b.process()
	same(t, "the next wait begins anew", n.rests, 1)
}

// A task that had ended in the bounded run before it was opened is not waited for either.
func TestEndedTaskIsNotWaitedFor(t *testing.T) {
	b := newBench(t, "a").open()
	n := &notes{}
	b.task.pacing.with, b.task.ended = n, true
	b.add("a", 5)
	b.process()
	same(t, "said that nobody need wait", n.rests, 1)
}
