package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
)

// serveArg makes this program the embedded broker.
const serveArg = "serve-embedded-broker"

// embedded starts this program once more, as a broker in memory: a process of its own, so that its
// work is not counted as kolk's. It ends when its standard input does, and so when this program
// ends, however that happens.
func embedded() (addr string, stop func() error, err error) {
	exe, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command(exe, serveArg)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() error { return errors.Join(stdin.Close(), cmd.Wait()) }
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return "", nil, fmt.Errorf("the embedded broker did not start: %w", errors.Join(err, stop()))
	}
	return strings.TrimSpace(line), stop, nil
}

// serve is the embedded broker's process.
func serve() error {
	c, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		// Event time may be years ago: nothing is deleted because of its age.
		kfake.BrokerConfigs(map[string]string{"log.retention.ms": "-1"}),
	)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := fmt.Println(c.ListenAddrs()[0]); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
