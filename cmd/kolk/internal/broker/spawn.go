// Package broker runs the embedded broker of `kolk dev` in a process of its own, so that a `dev`
// that is killed is a killed instance, and not a killed broker: see package embedded.
package broker

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/kolkstream/kolk/processor/embedded"
)

// Process is an embedded broker in a process of its own. It is safe for concurrent use.
type Process struct {
	addr  string
	cmd   *exec.Cmd
	stdin io.Closer
	done  chan struct{}
	err   error // why it ended, after done
}

// hello is what the process says first.
type hello struct {
	Addr  string `json:"addr,omitempty"`
	Error string `json:"error,omitempty"`
}

// waitForLast is how long the broker of a killed parent may take to write everything down.
const waitForLast = 3 * time.Second

// endsWithin is how long a broker may take to stop.
const endsWithin = 30 * time.Second

// Spawn starts command, which must call [Serve], as a broker. It ends with Close, or when this
// process does, whatever ends it. stderr gets its log lines.
func Spawn(command []string, stderr io.Writer) (*Process, error) {
	p := &Process{cmd: exec.Command(command[0], command[1:]...), done: make(chan struct{})}
	p.cmd.Stderr = stderr
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	p.stdin = stdin
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	var h hello
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &h)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err == nil && h.Error != "" {
		err = errors.New(h.Error)
	} else if err != nil {
		err = fmt.Errorf("embedded broker: %w", err)
	}
	if err != nil {
		_ = p.Close() // it has said what is wrong
		return nil, err
	}
	p.addr = h.Addr
	return p, nil
}

// Addr is the address that clients on this machine use.
func (p *Process) Addr() string { return p.addr }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Close ends the broker and waits until it has written everything down.
func (p *Process) Close() error {
	p.stdin.Close()
	select {
	case <-p.done:
	case <-time.After(endsWithin):
		p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("embedded broker: did not end within %v, and was killed", endsWithin)
	}
	if p.err != nil {
		return fmt.Errorf("embedded broker: %w", p.err)
	}
	return nil
}

// Serve is the life of the process that [Spawn] starts: it runs a broker until stdin ends. Signals
// that the user sends to the parent from the terminal reach this process as well; it does not
// follow them, for the parent still needs it.
func Serve(o embedded.Options, stdin io.Reader, stdout io.Writer) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	o.Wait = waitForLast
	b, err := embedded.Start(o)
	if err != nil {
		return json.NewEncoder(stdout).Encode(hello{Error: err.Error()})
	}
	if err := json.NewEncoder(stdout).Encode(hello{Addr: b.Addr()}); err != nil {
		return errors.Join(err, b.Close())
	}
	_, _ = io.Copy(io.Discard, stdin) // until the parent closes it, or is gone
	return b.Close()
}
