package processor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/worker"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// written is a reporter with what it has written: one line each, without time.
func written() (*reporter, *bytes.Buffer) {
	var b bytes.Buffer
	return &reporter{Logger: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == "version" || a.Key == "plan" || a.Key == "took") {
			return slog.Attr{}
		}
		return a
	}}))}, &b
}

func TestStartedLine(t *testing.T) {
	top := topology.New("copy")
	top.Stream("in", serde.String(), serde.String()).To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	given := Config{Brokers: []string{"a:1", "b:2"}, Workers: 2, CommitInterval: 5 * time.Second, IdleAfter: Never, LiveWithin: time.Second, UntilEnd: true}
	r, b := written()
	r.started(plan.ForRuntime(flow.Key{}), given, given.WithDefaults(plan))
	want := "level=INFO msg=started topology=copy application=copy brokers=a:1,b:2 workers=2 state=kolk-state/copy " +
		"settings.CommitInterval=5s settings.UntilEnd=true settings.IdleAfter=never\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLines(t *testing.T) {
	r, b := written()
	id := func(p int32) TaskID { return TaskID{Sub: "s", Partition: p} }
	r.tasks(1, nil, []TaskID{id(0), id(1)})
	r.tasks(1, []TaskID{id(0), id(1)}, []TaskID{id(1), id(2)})
	r.tasks(1, []TaskID{id(1)}, nil)
	var many []TaskID
	for p := range int32(22) {
		many = append(many, id(p))
	}
	r.tasks(0, nil, many)
	p := Restoration{Task: "s/1", Store: "n", Topic: "app-n-changelog", Partition: 1, From: 5, End: 20}
	r.restore(p)
	p.Records = 7
	r.restore(p)
	p.Records, p.Done = 15, true
	r.restore(p)
	// nothing to read
	r.restore(Restoration{Task: "s/2", Store: "n", Topic: "app-n-changelog", Partition: 2, Done: true})
	r.failed(errors.New("disk full"))
	r.failed(errors.New("a consequence"))
	want := `level=INFO msg=tasks worker=1 running=2 gained="s/0 s/1"
level=INFO msg=tasks worker=1 running=2 gained=s/2 lost=s/0
level=INFO msg=tasks worker=1 running=0 lost=s/1
level=INFO msg=tasks worker=0 running=22 gained="s/0 s/1 s/2 s/3 s/4 s/5 s/6 s/7 s/8 s/9 s/10 s/11 s/12 s/13 s/14 s/15 s/16 s/17 s/18 s/19 and 2 more"
level=INFO msg="restore begun" task=s/1 store=n changelog=app-n-changelog/1 from=5 end=20
level=INFO msg="restore done" task=s/1 store=n changelog=app-n-changelog/1 from=5 end=20 records=15
level=ERROR msg=failed err="disk full"
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestStatisticsLine: once a minute, with the lag; and what a task has been waiting for, after ten
// seconds and then with the statistics.
func TestStatisticsLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := written()
		ctx, cancel := context.WithCancel(t.Context())
		begin := time.Now()
		var in atomic.Int64
		stats := func() (s Stats) { s.In = in.Load(); return s }
		standing := func() []worker.Standing {
			w := worker.Standing{Lag: 3}
			if time.Since(begin) > 5*time.Second {
				w.Waits = []worker.Wait{{Task: TaskID{Sub: "s", Partition: 1}, Topic: "orders", Since: begin.Add(5 * time.Second)}}
			}
			return []worker.Standing{w, {Lag: 4}}
		}
		go r.follow(ctx, stats, standing)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		in.Store(600)
		time.Sleep(95 * time.Second)
		synctest.Wait()
		cancel()
		synctest.Wait()
		line := func(rate int) string {
			return fmt.Sprintf("level=INFO msg=statistics in=600 out=0 late=0 dropped=0 commits=0 aborts=0 restored=0 tasks=0 lag=7 records/s=%d", rate)
		}
		waits := func(s int) string {
			return fmt.Sprintf(`level=INFO msg="a task waits for an input" task=s/1 topic=orders for=%v`, time.Duration(s)*time.Second)
		}
		want := strings.Join([]string{waits(10), line(10), waits(55), line(0), waits(115), ""}, "\n")
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

type misspelt struct{}

func (misspelt) OnCommitted(int, int64, time.Duration) {}

type counting struct{ commits int }

func (c *counting) OnCommit(int, int64, time.Duration) { c.commits++ }

func TestHooksThatAreNone(t *testing.T) {
	top := topology.New("copy")
	top.Stream("in", serde.String(), serde.String()).To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]Hook{"processor.misspelt": misspelt{}, "processor.counting": counting{}, "<nil>": nil} {
		_, err := New(plan, Config{Brokers: []string{"x"}, Hooks: []Hook{&counting{}, h}})
		if want := "config: Hooks: a " + name + " is none of the hooks"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: %v, want %s", h, err, want)
		}
	}
	if _, err := New(plan, Config{Brokers: []string{"x"}, Hooks: []Hook{&counting{}}}); err != nil {
		t.Error(err)
	}
}

// TestOnTasksOnlyOnChange: a worker reports what it runs at every assignment; the hook hears of
// changes.
func TestOnTasksOnlyOnChange(t *testing.T) {
	var told []string
	r, _ := written()
	a := &App{running: map[int][]TaskID{}, closed: map[int]bool{}, log: reporter{Logger: r.Logger}}
	a.cfg.Hooks = []Hook{tasksHook(func(w int, ids []TaskID) { told = append(told, fmt.Sprint(w, ids)) })}
	assigned := a.events().Assigned
	one := []TaskID{{Sub: "s"}}
	assigned(0, nil)
	assigned(0, one)
	assigned(0, one)
	assigned(1, nil)
	assigned(0, nil)
	assigned(0, nil)
	if diff := cmp.Diff([]string{"0 [s/0]", "0 []"}, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

type tasksHook func(int, []TaskID)

func (h tasksHook) OnTasks(w int, ids []TaskID) { h(w, ids) }
