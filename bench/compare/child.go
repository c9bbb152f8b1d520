package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is another process that is measured. The zero value measures nothing.
type process struct{ pid int }

// cpu is the user and system time that the process has used.
func (p *process) cpu() time.Duration {
	if p == nil || p.pid == 0 {
		return 0
	}
	return cpuTime(p.pid)
}

// child is a program that this one has started. Nothing but its own process id is ever signalled.
type child struct {
	process
	cmd     *exec.Cmd
	started time.Time
	log     string
	done    chan struct{} // closed when it has ended
	err     error         // why, after done
}

// start runs a command with its standard output and error in a file. The child gets stdin, which
// may be nil, and extra as its files from number 3 on.
func start(command []string, dir, log string, stdin *os.File, extra ...*os.File) (*child, error) {
	if err := os.MkdirAll(filepath.Dir(log), 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the child has its own
	c := &child{cmd: exec.Command(command[0], command[1:]...), log: log, done: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr, c.cmd.Dir, c.cmd.ExtraFiles = f, f, dir, extra
	if stdin != nil {
		c.cmd.Stdin = stdin
	}
	dieWithParent(c.cmd)
	c.started = time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.pid = c.cmd.Process.Pid
	go func() {
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

const stopWithin = 60 * time.Second

// stop asks the program to end, and returns an error unless it does so with status 0 in time.
func (c *child) stop() error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		c.kill()
		return fmt.Errorf("had not ended %v after SIGTERM", stopWithin)
	}
}

// kill ends the program at once.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it may have ended
	<-c.done
}

// tail returns the last lines of the program's log.
func (c *child) tail() string {
	b, err := os.ReadFile(c.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}
