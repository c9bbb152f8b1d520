package e2e

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Broker is a broker under test.
type Broker interface {
	// Addr is its bootstrap address.
	Addr() string
	// Kill ends it with SIGKILL. Only of a broker that startBrokerProcess returned.
	Kill()
	// Restart starts it again, with the same address and data, and returns when it answers.
	Restart(t *testing.T)
}

// kfakeOptions are those of every kfake of the suite. Session time-outs may be short, so that tests
// of dead members are.
func kfakeOptions(port int) []kfake.Opt {
	return []kfake.Opt{kfake.Ports(port), kfake.BrokerConfigs(map[string]string{"group.min.session.timeout.ms": "100"}), kfake.ClusterID("kolk-e2e")}
}

// inProcess is kfake in the test's process.
type inProcess struct {
	*kfake.Cluster
	t *testing.T
}

// startFake starts kfake in this process, for tests that inject faults.
func startFake(t *testing.T) *inProcess {
	t.Helper()
	c, err := kfake.NewCluster(kfakeOptions(0)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &inProcess{c, t}
}

func (b *inProcess) Addr() string { return b.ListenAddrs()[0] }
func (b *inProcess) Kill()        { b.t.Fatal("a broker in the test's process cannot be killed") }
func (b *inProcess) Restart(t *testing.T) {
	t.Fatal("a broker in the test's process cannot be restarted")
}

// fakeProcess is kfake in a child process, with its data on disk.
type fakeProcess struct {
	config brokerConfig
	dir    string
	child  *child
	starts int
}

type brokerConfig struct {
	Dir  string
	Port int
}

func startFakeProcess(t *testing.T) *fakeProcess {
	t.Helper()
	dir := t.TempDir()
	ports, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	b := &fakeProcess{config: brokerConfig{Dir: filepath.Join(dir, "data"), Port: ports[0]}, dir: dir}
	b.Restart(t)
	return b
}

func (b *fakeProcess) Addr() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(b.config.Port))
}
func (b *fakeProcess) Kill() { b.child.kill() }

func (b *fakeProcess) Restart(t *testing.T) {
	t.Helper()
	b.starts++
	b.child = startChild(t, "broker", fmt.Sprintf("broker-%d", b.starts), b.dir, b.config)
	b.child.awaitKind(t, 30*time.Second, "ready")
}

// brokerMain is the child process: kfake, until standard input ends.
func brokerMain() int {
	var cfg brokerConfig
	if err := childConfig(&cfg); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	signal.Ignore(syscall.SIGINT)
	gone := parentGone()
	c, err := kfake.NewCluster(append(kfakeOptions(cfg.Port), kfake.DataDir(cfg.Dir), kfake.SyncWrites())...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	new(emitter).emit(event{Kind: "ready", Text: c.ListenAddrs()[0]})
	<-gone
	c.Close()
	return 0
}

// freePorts returns n ports of 127.0.0.1 that nobody listened on a moment ago.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
