// Package embedded runs a broker within a program: for programs that are to run with nothing but
// `go run`, and for tests. It is what `kolk dev` uses: franz-go's kfake on a port of this machine,
// in memory or kept in a directory.
//
//	b, err := embedded.Start(embedded.Options{})
//	...
//	defer b.Close()
//	err = b.CreateTopics(ctx, 4, "words", "counted")
//	app, err := processor.New(plan, processor.Config{Brokers: []string{b.Addr()}})
//
// It is for development and tests. kfake speaks Kafka's protocol, with groups and transactions, but
// it is one process without replicas, encryption or quotas, listens on 127.0.0.1 alone, and keeps
// what topics hold in memory: data of megabytes, not of gigabytes. It accepts some things that
// Apache Kafka refuses, and deletes nothing by time.
//
// It is not made to be killed: the end of a transaction reaches its files one by one, and an
// aborted transaction may come back. So a directory whose broker was not closed is refused. `kolk
// dev` therefore runs it in a process of its own, which outlives a killed parent for as long as it
// needs to write everything down.
package embedded

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/flow"
)

// ErrForeign says that a directory holds something else.
var ErrForeign = errors.New("the directory is not empty, and not one of an embedded broker")

// ErrKilled says that the last broker of the directory did not end properly.
var ErrKilled = errors.New("the embedded broker was killed, so what it kept may be wrong; --fresh (in Go Options.Fresh) begins anew")

// ErrInUse says that another process holds the data directory.
var ErrInUse = errors.New("the data directory is in use by another process")

// Options configure a Broker.
type Options struct {
	// Dir is where topics, groups and transactions are kept. It is created if it does not exist,
	// and held by a lock until Close. Default: none; everything is forgotten with Close, and no
	// state directory of an application fits the next broker.
	Dir string
	// Fresh empties Dir first. A directory that is not empty and that no broker has used is
	// refused.
	Fresh bool
	// Port to listen on. Default: the one that the directory used last if that is free, else any
	// free one.
	Port int
	// Wait is how long to wait for a directory that another process holds: one that ends may need a
	// moment.
	Wait time.Duration
	// Logger gets the broker's errors. Default: none.
	Logger *slog.Logger
}

// Broker is a running embedded broker. It is safe for concurrent use.
type Broker struct {
	cluster *kfake.Cluster
	addr    string

	// Of a broker with a directory:
	lock  *flock.Flock
	alive string // a file that is there while the broker runs
}

// Start opens the directory and listens. What an earlier broker kept in the directory is there
// again: topics, records, offsets of groups. The caller closes the broker.
func Start(o Options) (*Broker, error) {
	if o.Dir == "" {
		return inMemory(o)
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if ours, err := isOurs(o.Dir); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	} else if !ours {
		return nil, fmt.Errorf("%s: %w", o.Dir, ErrForeign)
	}
	lock := flock.New(filepath.Join(o.Dir, lockFile))
	held, err := lock.TryLock()
	if err == nil && !held && o.Wait > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), o.Wait)
		defer cancel()
		if held, err = lock.TryLockContext(ctx, 10*time.Millisecond); ctx.Err() != nil {
			err = nil // not held, then
		}
	}
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", o.Dir, err)
	} else if !held {
		return nil, fmt.Errorf("%s: %w", o.Dir, ErrInUse)
	}
	b := &Broker{lock: lock, alive: filepath.Join(o.Dir, aliveFile)}
	if err := b.start(o); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return b, nil
}

func (b *Broker) start(o Options) error {
	if o.Fresh {
		if err := empty(o.Dir); err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
	}
	if _, err := os.Stat(b.alive); err == nil {
		return fmt.Errorf("%s: %w", o.Dir, ErrKilled)
	}
	id, err := clusterID(o.Dir)
	if err != nil {
		return err
	}
	kept := filepath.Join(o.Dir, "address")
	listen := func(network, address string) (net.Listener, error) {
		if o.Port == 0 {
			// The last address again: a process that joined an earlier run finds this one.
			if last, err := os.ReadFile(kept); err == nil {
				if ln, err := net.Listen(network, strings.TrimSpace(string(last))); err == nil {
					return ln, nil
				}
			}
		}
		return net.Listen(network, address)
	}
	if err := b.listen(o, id, kfake.ListenFn(listen), kfake.DataDir(filepath.Join(o.Dir, "broker"))); err != nil {
		return err
	}
	err = os.WriteFile(kept, []byte(b.addr+"\n"), 0o644)
	if err == nil {
		err = os.WriteFile(b.alive, nil, 0o644)
	}
	if err != nil {
		b.cluster.Close()
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}

func inMemory(o Options) (*Broker, error) {
	// not the one of a broker that keeps its data, which the processor treats differently
	id, err := newID(kind + ".")
	if err != nil {
		return nil, err
	}
	b := &Broker{}
	return b, b.listen(o, id)
}

func (b *Broker) listen(o Options, id string, opts ...kfake.Opt) (err error) {
	b.cluster, err = kfake.NewCluster(append(opts,
		kfake.NumBrokers(1),
		kfake.Ports(o.Port),
		kfake.ClusterID(id),
		kfake.WithLogger(logger{o.Logger}),
		kfake.BrokerConfigs(map[string]string{
			// The data of a development topic may be decades old by its own timestamps, and a week
			// may pass between two runs: nothing is deleted by age.
			"log.retention.ms":          "-1",
			"offsets.retention.minutes": "52560000",
		}),
	)...)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("port %d is in use: choose another one", o.Port)
		}
		return fmt.Errorf("embedded broker: %w", err)
	}
	addrs := b.cluster.ListenAddrs()
	if len(addrs) != 1 {
		b.cluster.Close()
		return fmt.Errorf("embedded broker: listens on %v, want one address", addrs)
	}
	b.addr = addrs[0]
	return nil
}

// CreateTopics creates those of the topics that do not exist, with that many partitions each. They
// keep their records for ever. It refuses names that Apache Kafka does not take.
func (b *Broker) CreateTopics(ctx context.Context, partitions int32, topics ...string) error {
	for _, name := range topics { // kfake takes every name
		if err := flow.CheckName(name); err != nil {
			return fmt.Errorf("create topic %s: %w", name, err)
		}
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr))
	if err != nil {
		return err
	}
	defer cl.Close()
	created, err := kadm.NewClient(cl).CreateTopics(ctx, partitions, 1, nil, topics...)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	for _, t := range created.Sorted() {
		if t.Err != nil && !errors.Is(t.Err, kerr.TopicAlreadyExists) {
			err = errors.Join(err, fmt.Errorf("create topic %s: %w", t.Topic, t.Err))
		}
	}
	return err
}

// Addr is the address that clients on this machine use.
func (b *Broker) Addr() string { return b.addr }

// Close writes everything to the directory and lets it go. Clients lose their connections. It is
// called once.
func (b *Broker) Close() error {
	b.cluster.Close()
	if b.lock == nil {
		return nil
	}
	return errors.Join(os.Remove(b.alive), b.lock.Unlock())
}

const lockFile, idFile, aliveFile = "lock", "cluster-id", "running"

// kind begins the cluster id. The processor knows this broker by it: kfake's compaction moves the
// start of a log, Kafka's does not. With a "-" behind it the broker keeps its data.
const kind = "kfake"

// isOurs reports whether a directory is empty or was used by a broker: whatever else it holds would
// be deleted by Fresh.
func isOurs(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if name := e.Name(); name == idFile || name == lockFile {
			return true, nil
		}
	}
	return len(entries) == 0, nil
}

// empty removes everything but the lock, which is held.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != lockFile {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// clusterID returns the directory's cluster id, and makes one for a new directory: state that
// belongs to one directory's topics is not taken for another's.
func clusterID(dir string) (string, error) {
	path := filepath.Join(dir, idFile)
	kept, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(kept)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("data directory: %w", err)
	}
	id, err := newID(kind + "-")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, []byte(id+"\n"), 0o644); err != nil {
		return "", fmt.Errorf("data directory: %w", err)
	}
	return id, nil
}

func newID(begin string) (string, error) {
	var raw [16]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", err
	}
	return begin + base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// logger passes kfake's errors on, and what it warns of as details.
type logger struct{ to *slog.Logger }

func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	if l.to == nil {
		return
	}
	switch level {
	case kfake.LogLevelError:
		l.to.Error("embedded broker: " + fmt.Sprintf(format, args...))
	case kfake.LogLevelWarn:
		l.to.Debug("embedded broker: " + fmt.Sprintf(format, args...))
	}
}
