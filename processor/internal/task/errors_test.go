package task

import (
	"errors"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/topology"
)

var errBad = errors.New("bad value")

// newFailingBench makes a task that writes each record to the store kv and to "out", and then
// fails, or panics, on some offsets.
func newFailingBench(t *testing.T, policy report.ErrorPolicy, fails, panics int64) *bench {
	b := newBench(t, "a")
	b.opts.OnError = policy
	b.opts.Stats = new(Stats)
	b.receive = func(tk flow.Task, m *flow.Message) error {
		tk.Store("kv").Put(m.Value, append(make([]byte, 8), m.Value...))
		if err := tk.Send(b.opts.Sub.Sinks[0], flow.ByKey, m.Key, m.Value, m.Timestamp, m.Ref, nil, nil); err != nil {
			return err
		}
		switch m.Origin.Offset {
		case fails:
			return tk.Fail("op", m.Origin, errBad)
		case panics:
			explode()
		}
		return nil
	}
	return b
}

func explode() { panic("boom") }

func TestFailPolicyNamesTheRecord(t *testing.T) {
	b := newFailingBench(t, report.Fail, 1, -1).open()
	b.add("a", 0, rec(0, 1), rec(1, 2), rec(2, 3))
	n, err := b.task.Process(10)
	same(t, "processed", n, 1)
	same(t, "there is something to abort", b.task.Dirty(), true)
	var re *report.RecordError
	if !errors.As(err, &re) || !errors.Is(err, errBad) {
		t.Fatalf("got %v", err)
	}
	same(t, "message", err.Error(), `task s/0: record a/0 at offset 1 (key "k"): operator "op": bad value`)
	if _, again := b.task.Process(10); again != err {
		t.Errorf("it goes on after the error: %v", again)
	}
	if again := b.task.Flush(); again != err {
		t.Errorf("it can be committed after the error: %v", again)
	}
	b.abort()
	b.saw()
	b.add("a", 0, rec(0, 1))
	want(t, "after the abort it goes on", b.process(), "a@0 1 1")
}

func TestSkipPolicyCounts(t *testing.T) {
	b := newFailingBench(t, report.Skip, 1, -1).open()
	b.add("a", 0, rec(0, 1), rec(1, 2), rec(2, 3))
	want(t, "all are seen", b.process(), "a@0 1 1", "a@1 2 2", "a@2 3 3")
	same(t, "nothing counts before the commit", len(b.opts.Stats.Snapshot().Dropped), 0)
	b.commit()
	s := b.opts.Stats.Snapshot()
	want(t, "dropped", s.Dropped, report.Dropped{Node: "op", Reason: topology.Failed, Count: 1})
	same(t, "in", s.In, 3)
	same(t, "out", s.Out, 3)
	same(t, "late", s.Late, 0)
}

func TestPanicsAreErrors(t *testing.T) {
	b := newFailingBench(t, report.Fail, -1, 1).open()
	b.add("a", 0, rec(0, 1), rec(1, 2))
	_, err := b.task.Process(10)
	var re *report.RecordError
	if !errors.As(err, &re) || !re.Panicked || re.Topic != "a" || re.Offset != 1 || string(re.Key) != "k" {
		t.Fatalf("got %v", err)
	}
	if msg := err.Error(); !strings.HasPrefix(msg, `task s/0: record a/0 at offset 1 (key "k"): panic: boom (`) || !strings.Contains(msg, "errors_test.go:") {
		t.Errorf("message: %s", msg)
	}
	b.abort()
}

func TestRuntimePanicsNameTheirPlaceToo(t *testing.T) {
	b := newBench(t, "a")
	b.receive = func(_ flow.Task, m *flow.Message) error {
		var p *flow.Message
		m.Ref = p.Ref
		return nil
	}
	b.open().add("a", 0, rec(0, 1))
	_, err := b.task.Process(10)
	if err == nil || !strings.Contains(err.Error(), "nil pointer dereference") || !strings.Contains(err.Error(), "errors_test.go:") {
		t.Errorf("got %v", err)
	}
}

func TestPanicUnderSkipAbortsFirst(t *testing.T) {
	b := newFailingBench(t, report.Skip, -1, 1).open()
	b.add("a", 0, rec(0, 1))
	b.process()
	b.commit()
	b.add("a", 0, rec(1, 2), rec(2, 3))
	_, err := b.task.Process(10)
	var skip *AbortToSkip
	if !errors.As(err, &skip) {
		t.Fatalf("got %v", err)
	}
	same(t, "there is something to abort", b.task.Dirty(), true)
	same(t, "origin", skip.Origin, topology.Origin{Topic: "a", Offset: 1})
	b.saw()
	b.abort()
	b.task.Skip(skip.Origin)
	b.add("a", 0, rec(1, 2), rec(2, 3))
	want(t, "it is left out", b.process(), "a@2 3 3")
	b.abort() // for another reason
	b.add("a", 0, rec(1, 2), rec(2, 3))
	want(t, "it is left out again", b.process(), "a@2 3 3")
	b.commit()
	s := b.opts.Stats.Snapshot()
	want(t, "dropped", s.Dropped, report.Dropped{Node: "a", Reason: topology.Failed, Count: 1})
	same(t, "in", s.In, 3)
	same(t, "position", b.task.Positions()[0].Offset, 3)
}

func TestPanicsOfTimeAreNotARecordsFault(t *testing.T) {
	b := newBench(t, "a")
	b.opts.OnError = report.Skip
	b.more = func(_ flow.Task, g *flow.Graph) {
		g.Timed = append(g.Timed, timedFunc(func(int64) error { panic(errBad) }))
	}
	b.open().add("a", 0, rec(0, 1))
	_, err := b.task.Process(10)
	var skip *AbortToSkip
	var re *report.RecordError
	if errors.As(err, &skip) || !errors.As(err, &re) || re.Topic != "" || !errors.Is(err, errBad) {
		t.Errorf("got %v", err)
	}
}

func TestUndecodableRecordsMoveThePosition(t *testing.T) {
	b := newBench(t, "a").open()
	r := rec(0, 1)
	r.Key = []byte("undecodable")
	b.add("a", 0, r)
	want(t, "seen", b.process())
	same(t, "dirty", b.task.Dirty(), true)
	same(t, "position", b.task.Positions()[0].Offset, 1)
	same(t, "ref", b.task.Positions()[0].Ref, topology.NoTime)
}
