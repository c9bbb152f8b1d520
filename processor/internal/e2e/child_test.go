package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// configEnv carries a child's configuration as JSON.
const configEnv = "KOLK_E2E_CONFIG"

// event is one line that a child writes to its standard output.
type event struct {
	// Kind is "ready", "started", "state", "tasks", "grown", "restored", "point", "full", "failed"
	// or "done".
	Kind string `json:"kind"`
	Text string `json:"text,omitempty"`
	// Of "restored".
	Task    string `json:"task,omitempty"`
	Store   string `json:"store,omitempty"`
	From    int64  `json:"from,omitempty"`
	End     int64  `json:"end,omitempty"`
	Records int64  `json:"records,omitempty"`
	// Of "tasks": how many run.
	Tasks int `json:"tasks,omitempty"`
	// Of "done".
	Stats map[string]int64 `json:"stats,omitempty"`
}

// child is a process of the test binary in another role. It ends when its standard input does, so
// also with its parent.
type child struct {
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	log   string
	done  chan struct{}
	err   error // of Wait, after done
	asked bool  // to end; the test's goroutine only

	mu      sync.Mutex
	events  []event
	changed chan struct{}
}

// startChild starts a child with its log in dir. The log's end is printed if the test fails.
func startChild(t *testing.T, role, name, dir string, config any) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c := &child{name: name, log: filepath.Join(dir, name+".log"), done: make(chan struct{}), changed: make(chan struct{})}
	logFile, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer logFile.Close()
	c.cmd = exec.Command(exe)
	c.cmd.Env = append(os.Environ(), roleEnv+"="+role, configEnv+"="+string(raw))
	c.cmd.Stderr = logFile
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var e event
			if json.Unmarshal(lines.Bytes(), &e) != nil {
				continue // a line cut off by a kill, or the testing package's
			}
			c.mu.Lock()
			c.events = append(c.events, e)
			close(c.changed)
			c.changed = make(chan struct{})
			c.mu.Unlock()
		}
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	t.Cleanup(func() {
		if !t.Failed() {
			c.kill()
			return
		}
		log := tail(c.log, 4000)
		if !c.exited() {
			c.signal(t, syscall.SIGQUIT) // to show where it stands
			select {
			case <-c.done:
				log += "\n" + tail(c.log, 300_000)
			case <-time.After(5 * time.Second):
			}
			c.kill()
		}
		t.Logf("log of %s:\n%s", name, log)
	})
	return c
}

// kill ends the child with SIGKILL and waits for its end.
func (c *child) kill() {
	c.cmd.Process.Kill()
	<-c.done
}

// signal sends sig; a child that is gone is no error.
func (c *child) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("signal %v to %s: %v", sig, c.name, err)
	}
}

// terminate asks the child to end cleanly, as soon as it can.
func (c *child) terminate(t *testing.T) {
	t.Helper()
	if c.asked {
		return // a second signal would meet a process that does not listen any more
	}
	c.asked = true
	c.awaitKind(t, 30*time.Second, "started")
	c.signal(t, syscall.SIGTERM)
}

// exited reports whether the child is gone.
func (c *child) exited() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// wait waits for the child's own end and returns its exit code, -1 if a signal ended it.
func (c *child) wait(t *testing.T, within time.Duration) int {
	t.Helper()
	select {
	case <-c.done:
	case <-time.After(within):
		t.Fatalf("%s still runs after %v; log:\n%s", c.name, within, tail(c.log, 4000))
	}
	return c.cmd.ProcessState.ExitCode()
}

// stop asks the child to end cleanly and demands that it does.
func (c *child) stop(t *testing.T, within time.Duration) {
	t.Helper()
	c.terminate(t)
	if code := c.wait(t, within); code != 0 {
		t.Fatalf("%s: exit code %d after SIGTERM; log:\n%s", c.name, code, tail(c.log, 4000))
	}
}

// seen returns the events so far.
func (c *child) seen() []event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]event(nil), c.events...)
}

// tasks returns how many tasks the instance runs, as far as it has said.
func (c *child) tasks() int {
	n := 0
	for _, e := range c.seen() {
		if e.Kind == "tasks" {
			n = e.Tasks
		}
	}
	return n
}

// awaitTasks waits until the instance runs n tasks.
func (c *child) awaitTasks(t *testing.T, n int) {
	t.Helper()
	eventually(t, time.Minute, fmt.Sprintf("%d tasks on %s", n, c.name), func() (bool, string) {
		return c.tasks() == n, strconv.Itoa(c.tasks())
	})
}

// await waits for an event that match accepts, and fails the test if the child ends before.
func (c *child) await(t *testing.T, within time.Duration, what string, match func(event) bool) event {
	t.Helper()
	deadline := time.After(within)
	for next, last := 0, false; ; {
		c.mu.Lock()
		events, changed := c.events, c.changed
		c.mu.Unlock()
		for ; next < len(events); next++ {
			if match(events[next]) {
				return events[next]
			}
		}
		if last {
			t.Fatalf("%s ended (%v) before %s; log:\n%s", c.name, c.err, what, tail(c.log, 4000))
		}
		select {
		case <-changed:
		case <-c.done:
			last = true
		case <-deadline:
			t.Fatalf("%s: no %s within %v; log:\n%s", c.name, what, within, tail(c.log, 4000))
		}
	}
}

func (c *child) awaitKind(t *testing.T, within time.Duration, kind string) event {
	t.Helper()
	return c.await(t, within, kind, func(e event) bool { return e.Kind == kind })
}

func tail(path string, n int) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	if len(b) > n {
		b = b[len(b)-n:]
	}
	return strings.TrimSpace(string(b))
}

// The child's side.

// childConfig reads the configuration of this child.
func childConfig(into any) error { return json.Unmarshal([]byte(os.Getenv(configEnv)), into) }

// emitter writes events to standard output. It is safe for concurrent use.
type emitter struct{ mu sync.Mutex }

func (m *emitter) emit(e event) {
	line, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	fmt.Printf("%s\n", line)
}

// parentGone is closed when standard input ends: the parent closed it, or is gone.
func parentGone() <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(gone)
	}()
	return gone
}
