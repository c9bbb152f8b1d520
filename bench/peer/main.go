// Command peer runs one of the benchmark's workloads on kolk, written as any user of kolk would
// write it: with topology, serde and processor, and nothing else. ../compare starts it, watches it
// from outside and checks its output.
//
//	peer --workload count --brokers localhost:9092 --app bench --state /tmp/bench \
//		--in events --out counts
//
// It runs until SIGTERM or SIGINT, commits, and exits with status 0. It exits with status 2 if it
// does not know the workload or a flag, and with 1 if it cannot go on.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/topology"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

// options are the command line.
type options struct {
	workload, app, state, out string
	brokers, in               []string
	commit                    time.Duration
	threads                   int
	cacheBytes                int64
	cpuProfile, memProfile    string
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("peer", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.workload, "workload", "", "one of "+strings.Join(names(), ", "))
	brokers := fs.String("brokers", "127.0.0.1:9092", "addresses host:port, with commas between")
	fs.StringVar(&o.app, "app", "", "application id: the consumer group, and the prefix of internal topics")
	fs.StringVar(&o.state, "state", "", "directory of this instance")
	in := fs.String("in", "", "input topic; for join-table and join-stream two, with a comma between")
	fs.StringVar(&o.out, "out", "", "output topic")
	commitMS := fs.Int("commit-ms", 100, "commit interval in milliseconds")
	fs.IntVar(&o.threads, "threads", 2, "workers")
	cacheMB := fs.Int64("cache-mb", 64, "MiB of decoded values that the stores of the process may keep")
	fs.StringVar(&o.cpuProfile, "cpuprofile", "", "write a CPU profile of the whole run to this file")
	fs.StringVar(&o.memProfile, "memprofile", "", "write a profile of everything that was allocated to this file, at the end")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	o.brokers, o.in = strings.Split(*brokers, ","), strings.Split(*in, ",")
	o.commit, o.cacheBytes = time.Duration(*commitMS)*time.Millisecond, *cacheMB<<20
	if o.app == "" || o.state == "" || *in == "" || o.out == "" {
		return o, errors.New("--app, --state, --in and --out are needed")
	}
	return o, nil
}

func run(args []string, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	var plan *topology.Plan
	if err == nil {
		plan, err = declare(o.workload, o.app, o.in, o.out)
	}
	if err != nil {
		fmt.Fprintln(stderr, "peer:", err)
		return 2
	}
	stopProfiles, err := startProfiles(o.cpuProfile, o.memProfile)
	if err == nil {
		err = errors.Join(process(plan, o), stopProfiles())
	}
	if err != nil {
		fmt.Fprintln(stderr, "peer:", err)
		return 1
	}
	return 0
}

// process runs the plan until a signal asks it to end.
func process(plan *topology.Plan, o options) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	config := processor.Config{
		Brokers:        o.brokers,
		StateDir:       o.state,
		Workers:        o.threads,
		CommitInterval: o.commit,
		CacheBytes:     o.cacheBytes,
		SessionTimeout: 6 * time.Second, // the shortest that brokers allow by default
	}
	config.TuneGC()
	app, err := processor.New(plan, config)
	if err != nil {
		return err
	}
	return app.Run(ctx)
}
