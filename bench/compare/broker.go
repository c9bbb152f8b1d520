package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
)

// broker is what the runs talk to.
type broker struct {
	addr    string
	name    string
	process process // unknown (zero) for a broker that somebody else runs
	stop    func()
	// compiles: it is a JVM of ours, and slow at first.
	compiles bool
}

// startBroker starts the broker that kind names: "embedded", "kafka", or the address of one that
// runs.
func startBroker(ctx context.Context, kind string, dirs dirs) (*broker, error) {
	switch kind {
	case "embedded":
		return startEmbedded(dirs)
	case "kafka":
		return startKafka(ctx, dirs)
	default:
		return &broker{addr: kind, name: "the broker at " + kind, stop: func() {}}, nil
	}
}

// serveArg makes this program the embedded broker.
const serveArg = "serve-embedded-broker"

// startEmbedded starts this program once more, as the embedded broker: a process of its own, so
// that its work is not counted as anybody else's. It keeps everything in memory, and ends when its
// standard input does.
func startEmbedded(dirs dirs) (*broker, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	stdin, hold, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, addr, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	c, err := start([]string{exe, serveArg}, "", dirs.log("embedded-broker"), stdin, addr)
	stdin.Close()
	addr.Close()
	if err != nil {
		return nil, err
	}
	stop := func() {
		hold.Close()
		<-c.done
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return nil, fmt.Errorf("the embedded broker did not start: %w\n%s", err, c.tail())
	}
	return &broker{addr: strings.TrimSpace(line), name: "the embedded broker (kfake, in memory)", process: c.process, stop: stop}, nil
}

// serve is the embedded broker's process.
func serve() error {
	c, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		// Windows are closed by records, not by the clock: nothing is deleted because of its age.
		kfake.BrokerConfigs(map[string]string{"log.retention.ms": "-1"}),
	)
	if err != nil {
		return err
	}
	defer c.Close()
	addr := os.NewFile(3, "address")
	if _, err := fmt.Fprintln(addr, c.ListenAddrs()[0]); err != nil {
		return err
	}
	if err := addr.Close(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
