package e2e

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/pebblestate"
	"github.com/kolkstream/kolk/topology"
)

// app is an application in the test's process.
type app struct {
	*processor.App
	log    *logBuffer
	cancel context.CancelFunc
	done   chan struct{}
	err    error // of Run, after done
}

// startApp runs a job in this process. change may adapt the configuration; points may be nil.
func startApp(t *testing.T, b Broker, j job, points failpoint.Points, change func(*processor.Config)) *app {
	t.Helper()
	return startAppAt(t, b.Addr(), j, points, change)
}

func startAppAt(t *testing.T, addr string, j job, points failpoint.Points, change func(*processor.Config)) *app {
	t.Helper()
	plan, err := j.plan()
	if err != nil {
		t.Fatal(err)
	}
	return startPlan(t, addr, plan, points, change)
}

func startPlan(t *testing.T, addr string, plan *topology.Plan, points failpoint.Points, change func(*processor.Config)) *app {
	t.Helper()
	a := &app{log: new(logBuffer), done: make(chan struct{})}
	cfg := processor.Config{
		Brokers: []string{addr}, StateDir: t.TempDir(), Workers: 1, ReplicationFactor: 1, FlushBytes: 128 << 10, ClientOptions: clientOptions(),
		Logger: slog.New(slog.NewTextHandler(a.log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if a.App, err = processor.New(plan, cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(failpoint.With(context.Background(), points))
	a.cancel = cancel
	go func() {
		a.err = a.Run(ctx)
		close(a.done)
	}()
	t.Cleanup(func() {
		a.cancel()
		<-a.done
		if t.Failed() {
			t.Logf("log of the application:\n%s", a.log.tail(4000))
		}
	})
	return a
}

// stop asks the application to end and demands that it does so cleanly.
func (a *app) stop(t *testing.T) {
	t.Helper()
	a.cancel()
	if err := a.wait(t, time.Minute); err != nil {
		t.Fatalf("application: %v", err)
	}
}

// wait waits for the application's own end and returns Run's error.
func (a *app) wait(t *testing.T, within time.Duration) error {
	t.Helper()
	select {
	case <-a.done:
		return a.err
	case <-time.After(within):
		t.Fatalf("the application still runs after %v; its log ends with:\n%s", within, a.log.tail(4000))
		return nil
	}
}

// ended reports whether the application has ended.
func (a *app) ended() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

// running reports whether the application has not ended, and fails the test if it has with an
// error.
func (a *app) running(t *testing.T) bool {
	t.Helper()
	select {
	case <-a.done:
		if a.err != nil {
			t.Fatalf("application: %v", a.err)
		}
		return false
	default:
		return true
	}
}

// failsWith demands that the application ends with an error whose text has all of the words.
func (a *app) failsWith(t *testing.T, within time.Duration, words ...string) error {
	t.Helper()
	err := a.wait(t, within)
	if err == nil {
		t.Fatalf("the application ended without an error; want one about %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
	return err
}

// logBuffer keeps what an application logs. It is safe for concurrent use.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logBuffer) tail(n int) string {
	s := l.String()
	return s[max(0, len(s)-n):]
}

// await waits until the log has a line with the text.
func (l *logBuffer) await(t *testing.T, within time.Duration, text string) {
	t.Helper()
	eventually(t, within, "log line with "+text, func() (bool, string) {
		s := l.String()
		return strings.Contains(s, text), s[max(0, len(s)-500):]
	})
}

// counters are the application's, by name.
func counters(a *processor.App) map[string]int64 {
	s := a.Stats()
	return map[string]int64{
		"in": s.In, "out": s.Out, "late": s.Late, "commits": s.Commits, "aborts": s.Aborts, "unknown": s.Unknown, "resets": s.Resets,
		"restored": s.Restored,
	}
}

// openEngine returns an engine for a look into databases.
func openEngine(t *testing.T) state.Engine {
	t.Helper()
	e, err := pebblestate.New(pebblestate.Options{CacheBytes: 8 << 20, MemTableBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return e
}
