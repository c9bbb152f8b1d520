// Command loop does four of the benchmark's workloads (passthrough, count, count-nocache,
// rekey-count) by hand: franz-go and Pebble, and no framework. It shows what the machine, the
// client and the engine allow, and is the measure that ../compare holds kolk against.
//
// It is exactly-once like kolk: input offsets, changelog and output in one transaction, Pebble
// written after it. But it is no stream processor: it has no rebalance, no restore, no windows, no
// time, and takes each partition for itself. So it starts only where nothing was done before: a new
// group and, for counts, an empty state directory.
//
// The command line is that of ../peer. Another workload ends it with status 2. It needs a broker
// with transaction.version 2 (Apache Kafka 4.0 or newer).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

// job is what one process does.
type job struct {
	workload            string
	brokers             []string
	app, state, in, out string
	rekeyed             string // rekey-count: the topic between its two steps, else ""
	changelog           string // "" for a workload without state
	// count-nocache: each record's count goes to the output and the changelog
	everyUpdate bool
	interval    time.Duration
	threads     int
	ids         map[string]kadm.TopicID // of the topics that are read
	partitions  int32
	blockCache  *pebble.Cache
}

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	j, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "loop:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := j.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "loop:", err)
		return 1
	}
	return 0
}

func parse(args []string) (*job, error) {
	j := &job{}
	fs := flag.NewFlagSet("loop", flag.ContinueOnError)
	fs.StringVar(&j.workload, "workload", "", "passthrough, count, count-nocache or rekey-count")
	brokers := fs.String("brokers", "127.0.0.1:9092", "addresses host:port, with commas between")
	fs.StringVar(&j.app, "app", "", "consumer group, and prefix of the changelog topic")
	fs.StringVar(&j.state, "state", "", "directory")
	fs.StringVar(&j.in, "in", "", "input topic")
	fs.StringVar(&j.out, "out", "", "output topic")
	commitMS := fs.Int("commit-ms", 100, "commit interval in milliseconds")
	fs.IntVar(&j.threads, "threads", 2, "workers")
	fs.Int("cache-mb", 64, "ignored: updates are kept for one commit")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	j.brokers, j.interval = strings.Split(*brokers, ","), time.Duration(*commitMS)*time.Millisecond
	switch j.workload {
	case "passthrough":
	case "count", "count-nocache", "rekey-count":
		j.changelog, j.everyUpdate = j.app+"-counts-changelog", j.workload == "count-nocache"
		if j.workload == "rekey-count" {
			j.rekeyed = j.app + "-field-repartition"
		}
	default:
		return nil, fmt.Errorf("no workload %q", j.workload)
	}
	if j.app == "" || j.state == "" || j.in == "" || j.out == "" {
		return nil, errors.New("--app, --state, --in and --out are needed")
	}
	return j, nil
}

// run deals the partitions out to the workers and runs them until ctx ends.
func (j *job) run(ctx context.Context) error {
	if err := j.prepare(ctx); err != nil {
		return err
	}
	if j.changelog != "" {
		j.blockCache = pebble.NewCache(256 << 20)
		defer j.blockCache.Unref()
	}
	all, ctx := errgroup.WithContext(ctx)
	for w := range j.threads {
		var parts []int32
		for p := int32(w); p < j.partitions; p += int32(j.threads) {
			parts = append(parts, p)
		}
		if len(parts) > 0 {
			all.Go(func() error { return j.work(ctx, w, parts) })
		}
	}
	return all.Wait()
}

// prepare looks at the input, makes the changelog, and refuses to go on where somebody else
// stopped.
func (j *job) prepare(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(j.brokers...))
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	topics, err := adm.ListTopics(ctx, j.in, j.out)
	if err != nil {
		return err
	}
	if err := topics.Error(); err != nil {
		return err
	}
	j.ids, j.partitions = map[string]kadm.TopicID{j.in: topics[j.in].ID}, int32(len(topics[j.in].Partitions))
	if n := int32(len(topics[j.out].Partitions)); n != j.partitions {
		return fmt.Errorf("%s has %d partitions, %s has %d", j.in, j.partitions, j.out, n)
	}
	offsets, err := adm.FetchOffsets(ctx, j.app)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return err
	}
	if len(offsets[j.in]) > 0 {
		return fmt.Errorf("group %s has offsets: this program cannot go on where another run stopped", j.app)
	}
	if j.changelog == "" {
		return nil
	}
	if old, err := filepath.Glob(filepath.Join(j.state, "*")); err != nil || len(old) > 0 {
		return errors.Join(err, fmt.Errorf("%s is not empty: this program has no restore", j.state))
	}
	if j.rekeyed != "" {
		t, err := adm.CreateTopic(ctx, j.partitions, -1, nil, j.rekeyed)
		if err != nil {
			return err
		}
		j.ids[j.rekeyed] = t.ID
	}
	_, err = adm.CreateTopic(ctx, j.partitions, -1, map[string]*string{"cleanup.policy": kadm.StringPtr("compact")}, j.changelog)
	return err
}
