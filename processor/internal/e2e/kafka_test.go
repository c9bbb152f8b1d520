//go:build kafka

package e2e

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kafkaVersion is the Apache Kafka that the suite runs on. It needs Java 17 or newer to run, and
// Maven once, to get its jars.
const kafkaVersion = "4.4.0"

const kafkaPOM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>kolk</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>` + kafkaVersion + `</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>` + kafkaVersion + `</version></dependency>
  </dependencies>
</project>
`

// kafkaProperties configures one broker that is its own controller. Replication factors are 1, and
// nothing waits that need not.
const kafkaProperties = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=%[3]s
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=100
auto.create.topics.enable=false
log.cleaner.enable=true
`

// kafkaJars returns the directory of Kafka's jars, and fills it by Maven the first time. It lies in
// the user's cache.
func kafkaJars() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "kolk", "kafka-"+kafkaVersion)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", fmt.Errorf("Maven is missing: %w (it fetches the jars of Apache Kafka %s once)", err, kafkaVersion)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "fetch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := os.WriteFile(filepath.Join(tmp, "pom.xml"), []byte(kafkaPOM), 0o644); err != nil {
		return "", err
	}
	c := exec.Command(mvn, "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+filepath.Join(tmp, "jars"))
	c.Dir = tmp
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mvn dependency:copy-dependencies: %w\n%s", err, out)
	}
	// Another test process may have been faster; its directory is as good.
	if err := os.Rename(filepath.Join(tmp, "jars"), dir); err != nil {
		if _, statErr := os.Stat(dir); statErr != nil {
			return "", err
		}
	}
	return dir, nil
}

// kafkaBroker is Apache Kafka in a process of its own.
type kafkaBroker struct {
	dir, jars string
	port      int
	cmd       *exec.Cmd
	done      chan struct{}
}

// newKafka formats a broker's storage in dir and starts it.
func newKafka(dir string) (*kafkaBroker, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return nil, fmt.Errorf("Java is missing: %w (Apache Kafka %s needs Java 17 or newer)", err, kafkaVersion)
	}
	jars, err := kafkaJars()
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	b := &kafkaBroker{dir: dir, jars: jars, port: ports[0]}
	properties := fmt.Sprintf(kafkaProperties, ports[0], ports[1], filepath.Join(dir, "data"))
	if err := os.WriteFile(filepath.Join(dir, "server.properties"), []byte(properties), 0o644); err != nil {
		return nil, err
	}
	id := make([]byte, 16)
	rand.Read(id)
	id[0] &= 0x7f // an id must not begin with a dash
	format := b.java("kafka.tools.StorageTool", "format", "-t", base64.RawURLEncoding.EncodeToString(id), "-c", "server.properties")
	if out, err := format.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("kafka.tools.StorageTool format: %w\n%s", err, out)
	}
	return b, b.start()
}

func (b *kafkaBroker) java(args ...string) *exec.Cmd {
	c := exec.Command("java", append([]string{"-Xms256m", "-Xmx1g", "-XX:+UseG1GC", "-cp", filepath.Join(b.jars, "*")}, args...)...)
	c.Dir = b.dir
	return c
}

func (b *kafkaBroker) start() error {
	log, err := os.OpenFile(filepath.Join(b.dir, "broker.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	b.cmd, b.done = b.java("kafka.Kafka", "server.properties"), make(chan struct{})
	b.cmd.Stdout, b.cmd.Stderr = log, log
	dieWithParent(b.cmd)
	if err := b.cmd.Start(); err != nil {
		return err
	}
	go func(c *exec.Cmd, done chan struct{}) { c.Wait(); close(done) }(b.cmd, b.done)
	if err := answers(b.Addr(), 60*time.Second, b.done); err != nil {
		return fmt.Errorf("Apache Kafka did not come up: %w; its log ends with:\n%s", err, tail(log.Name(), 4000))
	}
	return nil
}

func (b *kafkaBroker) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port)) }

func (b *kafkaBroker) Kill() {
	b.cmd.Process.Kill()
	<-b.done
}

func (b *kafkaBroker) Restart(t *testing.T) {
	t.Helper()
	if err := b.start(); err != nil {
		t.Fatal(err)
	}
}

// answers waits until the broker at addr answers, and has the coordinators that tests need.
func answers(addr string, within time.Duration, gone <-chan struct{}) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RetryTimeout(time.Second))
	if err != nil {
		return err
	}
	defer cl.Close()
	deadline := time.Now().Add(within)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		meta, err := kadm.NewClient(cl).BrokerMetadata(ctx)
		cancel()
		if err == nil && len(meta.Brokers) > 0 {
			return nil
		}
		select {
		case <-gone:
			return errors.New("it ended")
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no answer within %v: %w", within, err)
		}
	}
}

// external is a broker that somebody else runs.
type external string

func (b external) Addr() string { return string(b) }
func (b external) Kill()        { panic("e2e: a broker of KAFKA_BOOTSTRAP is not to be killed") }
func (b external) Restart(t *testing.T) {
	panic("e2e: a broker of KAFKA_BOOTSTRAP is not to be restarted")
}

// brokerName names the broker of this build of the suite.
const brokerName = "Apache Kafka"

// shared is the one broker that all tests use that do not kill theirs. Tests name their topics and
// applications apart.
var shared struct {
	sync.Mutex
	broker Broker
}

// runTests starts the broker, runs the tests, and ends it. A broker that cannot be had is a
// failure: whoever asks for this suite wants it to run.
func runTests(m *testing.M) int {
	if addr := os.Getenv("KAFKA_BOOTSTRAP"); addr != "" {
		if err := answers(strings.Split(addr, ",")[0], 10*time.Second, nil); err != nil {
			return notRun(fmt.Errorf("KAFKA_BOOTSTRAP=%s: %w", addr, err))
		}
		shared.broker = external(addr)
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "kolk-kafka-")
	if err != nil {
		return notRun(err)
	}
	defer os.RemoveAll(dir)
	b, err := newKafka(dir)
	if err != nil {
		return notRun(err)
	}
	defer b.Kill()
	shared.broker = b
	return m.Run()
}

func notRun(err error) int {
	fmt.Fprintf(os.Stderr, "\nThe end-to-end suite did NOT run on Apache Kafka.\n%v\n\n", err)
	return 1
}

// clientOptions are those of the applications.
func clientOptions() []kgo.Opt { return compression() }

// startBroker returns the broker that the tests share.
func startBroker(t *testing.T) Broker { return shared.broker }

// startBrokerProcess returns a broker of its own, that the test may kill and restart.
func startBrokerProcess(t *testing.T) Broker {
	t.Helper()
	if _, ok := shared.broker.(external); ok {
		t.Skip("the broker of KAFKA_BOOTSTRAP is not to be killed")
	}
	b, err := newKafka(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.Kill()
		if t.Failed() {
			t.Logf("the broker's log ends with:\n%s", tail(filepath.Join(b.dir, "broker.log"), 4000))
		}
	})
	return b
}
