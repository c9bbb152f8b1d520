package main

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
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// serverProperties is one Apache Kafka node, broker and controller in one, with defaults wherever
// one node allows them.
const serverProperties = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=%[3]s
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=8
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
`

// startKafka starts Apache Kafka on free ports of this machine, with its data in the work
// directory. Maven has put its jars where the Java peer is built.
func startKafka(ctx context.Context, dirs dirs) (*broker, error) {
	jars := filepath.Join(dirs.java, "target", "broker")
	if err := needJava(jars); err != nil {
		return nil, err
	}
	dir := filepath.Join(dirs.work, "kafka")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	properties := filepath.Join(dir, "server.properties")
	if err := os.WriteFile(properties, fmt.Appendf(nil, serverProperties, ports[0], ports[1], filepath.Join(dir, "data")), 0o644); err != nil {
		return nil, err
	}
	id := make([]byte, 16)
	rand.Read(id)
	id[0] &= 0x7f // in base64 it must not begin with a dash
	classpath := filepath.Join(jars, "*")
	format := exec.CommandContext(ctx, "java", "-cp", classpath, "kafka.tools.StorageTool", "format", "-t", base64.RawURLEncoding.EncodeToString(id), "-c", properties)
	if out, err := format.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("kafka.tools.StorageTool format: %w\n%s", err, out)
	}
	c, err := start([]string{"java", "-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", classpath, "kafka.Kafka", properties}, dir, dirs.log("kafka"), nil)
	if err != nil {
		return nil, err
	}
	b := &broker{addr: fmt.Sprintf("127.0.0.1:%d", ports[0]), name: "Apache Kafka", process: c.process, stop: c.kill, compiles: true}
	if err := answers(ctx, b.addr, c); err != nil {
		c.kill()
		return nil, fmt.Errorf("the broker, Apache Kafka, did not come up: %w\n%s", err, c.tail())
	}
	return b, nil
}

// needJava says what is missing to run anything in Java.
func needJava(jars string) error {
	if _, err := exec.LookPath("java"); err != nil {
		return fmt.Errorf("no Java, of which 17 or newer is needed: %w", err)
	}
	if _, err := os.Stat(jars); err != nil {
		return fmt.Errorf("there are no jars in %s: run `make bench-peers`, which fetches them with Maven", jars)
	}
	return nil
}

// answers waits until a broker serves groups and transactions, whose topics it makes when they are
// asked for first; or until its process ends, or a minute has passed.
func answers(ctx context.Context, addr string, c *child) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	go func() {
		select {
		case <-c.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RequestRetries(0))
	if err != nil {
		return err
	}
	defer cl.Close()
	for kind := range int8(2) { // of groups, of transactions
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.CoordinatorType, req.CoordinatorKeys = kind, []string{"kolk-bench"}
		err := retry(ctx, func() error {
			resp, err := req.RequestWith(ctx, cl)
			if err != nil {
				return err
			}
			for _, c := range resp.Coordinators {
				if err := kerr.ErrorForCode(c.ErrorCode); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// freePorts returns ports that were free a moment ago.
func freePorts(n int) ([]int, error) {
	var (
		ports []int
		errs  []error
	)
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { errs = append(errs, l.Close()) }()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, errors.Join(errs...)
}
