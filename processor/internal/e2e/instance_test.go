package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
)

// instanceConfig is what a child process that runs a job is told.
type instanceConfig struct {
	Job        job
	Brokers    string
	StateDir   string
	Workers    int
	UntilEnd   bool
	FlushBytes int64
	// Session and Transaction are time-outs; 0 for the defaults.
	Session, Transaction, TaskTimeout time.Duration
	AtLeastOnce                       bool
	MaxAhead                          time.Duration
	Points                            []pointConfig
	// FileSize limits the size of every file that the process writes from the moment on at which it
	// gets SIGUSR1: a disk that is full. 0 for no limit.
	FileSize uint64
}

// instanceMain is the child process: a job, until SIGTERM, the end of a bounded run, or the end of
// standard input.
func instanceMain() int {
	var cfg instanceConfig
	if err := childConfig(&cfg); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	out := new(emitter)
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	out.emit(event{Kind: "started"}) // from now on SIGTERM ends it cleanly
	if err := runInstance(ctx, cfg, out); err != nil {
		out.emit(event{Kind: "failed", Text: err.Error()})
		fmt.Fprintln(os.Stderr, "failed:", err)
		return 1
	}
	return 0
}

func runInstance(ctx context.Context, cfg instanceConfig, out *emitter) error {
	plan, err := cfg.Job.plan()
	if err != nil {
		return err
	}
	guarantee := processor.ExactlyOnce
	if cfg.AtLeastOnce {
		guarantee = processor.AtLeastOnce
	}
	app, err := processor.New(plan, processor.Config{
		Guarantee: guarantee, TaskTimeout: cfg.TaskTimeout,
		Brokers: []string{cfg.Brokers}, StateDir: cfg.StateDir, Workers: cfg.Workers, UntilEnd: cfg.UntilEnd, ReplicationFactor: 1,
		// A partition whose instance is slow to come back would be idle, and the windows of what
		// waits there would close.
		IdleAfter: -1, MaxAhead: cfg.MaxAhead,
		FlushBytes: cfg.FlushBytes, SessionTimeout: cfg.Session, TransactionTimeout: cfg.Transaction,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Hooks:  []processor.Hook{reporter{out}}, ClientOptions: clientOptions(),
	})
	if err != nil {
		return err
	}
	points := arm(cfg.Points...)
	points.notify = func(n failpoint.Name) { out.emit(event{Kind: "point", Text: string(n)}) }
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	gone := parentGone()
	go func() {
		<-gone
		stop()
	}()
	if cfg.FileSize > 0 {
		limitFileSize(cfg.FileSize, out)
	}
	err = app.Run(failpoint.With(ctx, points.hit))
	out.emit(event{Kind: "done", Stats: counters(app)})
	return err
}

// reporter tells the parent what happens to the application.
type reporter struct{ out *emitter }

func (r reporter) OnState(_, to processor.State) {
	r.out.emit(event{Kind: "state", Text: to.String()})
}

func (r reporter) OnGrowth(g processor.Growth) {
	if g.Refused == nil {
		r.out.emit(event{Kind: "grown", Text: g.Topic})
	}
}

func (r reporter) OnTasks(_ int, tasks []processor.TaskID) {
	r.out.emit(event{Kind: "tasks", Tasks: len(tasks)})
}

func (r reporter) OnRestore(x processor.Restoration) {
	if x.Done {
		r.out.emit(event{Kind: "restored", Task: x.Task, Store: x.Store, From: x.From, End: x.End, Records: x.Records})
	}
}
