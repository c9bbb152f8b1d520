package e2e

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/topology"
)

// chaosSize is how much of everything a chaos test does.
type chaosSize struct {
	records, kills int
	partitions     int32
	deadline       time.Duration
}

// TestChaos kills instances with SIGKILL at random moments, restarts them at once, and compares
// everything that came out with a plain loop, and every state directory with the changelogs.
// KOLK_CHAOS=long makes it long (make chaos); KOLK_SEED repeats the choice of moments and victims.
func TestChaos(t *testing.T) {
	size := chaosSize{records: 240_000 / slow, kills: 12, partitions: 4, deadline: 3 * time.Minute}
	if os.Getenv("KOLK_CHAOS") == "long" {
		size = chaosSize{records: 3_000_000, kills: 50, partitions: 4, deadline: 40 * time.Minute}
	}
	runChaos(t, startBroker(t), size, newRand(seeds.New(t)))
}

func runChaos(t *testing.T, b Broker, size chaosSize, rng *rand.Rand) {
	j := job{"both", names(t, "chaos")}
	f := newFleet(t, b, j, 3)
	f.topics(size.partitions)
	live := readLive(t, b.Addr(), j.delays(), j.counts())

	// The input comes in one portion for each kill, so that there is work whenever an instance dies
	// and the moments spread over the whole run, however fast the machine is.
	ctx, cancel := context.WithTimeout(context.Background(), size.deadline)
	defer cancel()
	portions := make(chan int, size.kills+1)
	loaded := make(chan error, 1)
	go func() { loaded <- f.load(ctx, portions) }()
	f.instances[2].config.Workers = 2
	for _, i := range f.instances {
		i.start(t)
	}
	monotone := watchCommits(t, b.Addr(), j.Prefix)
	portion := size.records / (size.kills + 1)
	for k := range size.kills {
		portions <- portion
		victim := f.instances[rng.IntN(len(f.instances))]
		if rng.IntN(4) == 0 {
			// Soon, whatever it is doing: starting, joining, restoring.
			pause(time.Duration(rng.IntN(700)) * time.Millisecond)
		} else {
			target := k*portion + rng.IntN(portion)
			eventually(t, size.deadline, fmt.Sprintf("%d results before kill %d", target, k+1), func() (bool, string) {
				n := live.count()
				return n >= target || f.anyExited(t), strconv.Itoa(n)
			})
		}
		victim.killAndRestart(t)
	}
	portions <- size.records - size.kills*portion
	close(portions)
	if err := <-loaded; err != nil {
		t.Fatalf("load: %v", err)
	}
	f.check(t, live, size.deadline)
	f.checkReplays(t)
	monotone()
}

// watchCommits samples the offsets that a group has committed, until the returned function is
// called: they never go back.
func watchCommits(t *testing.T, addr, group string) (stop func()) {
	a := newAdmin(t, addr)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	samples := 0
	var wrong []string
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		best := map[string]map[int32]int64{}
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			o, err := a.FetchOffsets(ctx, group)
			if err != nil {
				continue
			}
			samples++
			o.Each(func(r kadm.OffsetResponse) {
				if r.Err != nil {
					return
				}
				if best[r.Topic] == nil {
					best[r.Topic] = map[int32]int64{}
				}
				if r.At < best[r.Topic][r.Partition] {
					wrong = append(wrong, fmt.Sprintf("%s/%d: %d after %d", r.Topic, r.Partition, r.At, best[r.Topic][r.Partition]))
				}
				best[r.Topic][r.Partition] = max(best[r.Topic][r.Partition], r.At)
			})
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return func() {
		t.Helper()
		cancel()
		<-done
		if samples == 0 {
			t.Error("the committed offsets were never seen")
		}
		for _, w := range wrong[:min(5, len(wrong))] {
			t.Errorf("committed offset went back: %s", w)
		}
	}
}

// pause waits for no event: chaos wants a moment that has nothing to do with any.
func pause(d time.Duration) { <-time.After(d) }

// fleet is a job with its instances in child processes.
type fleet struct {
	t         *testing.T
	broker    Broker
	admin     *admin
	job       job
	plan      *topology.Plan
	cluster   string
	instances []*instance
	parts     int32
	sent      int // flights, by load
}

// instance is a place for a child process: its directory outlives it.
type instance struct {
	fleet  *fleet
	name   string
	config instanceConfig
	dir    string
	child  *child
	starts int
	// stored is, for the current child, what its directory held when it was started: the next
	// changelog offset by task/store.
	stored  map[string]int64
	replays []replay
}

// replay is one restore after a kill.
type replay struct {
	event
	stored int64
	known  bool // the directory had the task
}

func newFleet(t *testing.T, b Broker, j job, n int) *fleet {
	t.Helper()
	plan, err := j.plan()
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{t: t, broker: b, admin: newAdmin(t, b.Addr()), job: j, plan: plan}
	ctx, cancel := f.admin.context()
	defer cancel()
	meta, err := f.admin.BrokerMetadata(ctx)
	if err != nil {
		t.Fatal(err)
	}
	f.cluster = meta.Cluster
	t.Cleanup(f.explain)
	dir := t.TempDir()
	for i := range n {
		name := "instance-" + strconv.Itoa(i)
		f.instances = append(f.instances, &instance{fleet: f, name: name, dir: dir, config: instanceConfig{
			Job: j, Brokers: b.Addr(), StateDir: filepath.Join(dir, name), Workers: 1, FlushBytes: 128 << 10,
		}})
	}
	return f
}

// explain logs, after a failure, how far everything has come.
func (f *fleet) explain() {
	if !f.t.Failed() {
		return
	}
	ctx, cancel := f.admin.context()
	defer cancel()
	topics, err := f.admin.ListTopics(ctx)
	if err != nil {
		f.t.Logf("no topics: %v", err)
		return
	}
	names := slices.DeleteFunc(topics.Names(), func(name string) bool { return !strings.HasPrefix(name, f.job.Prefix) })
	ends, err1 := f.admin.ListEndOffsets(ctx, names...)
	stable, err2 := f.admin.ListCommittedOffsets(ctx, names...)
	group, err3 := f.admin.FetchOffsets(ctx, f.job.Prefix)
	f.t.Logf("%d messages loaded; topic/partition: end, of what is stable, the group's offset (%v)", f.sent, errors.Join(err1, err2, err3))
	for _, topic := range names {
		for n := range int32(len(ends[topic])) {
			end, _ := ends.Lookup(topic, n)
			last, _ := stable.Lookup(topic, n)
			at, _ := group.Lookup(topic, n)
			f.t.Logf("%s/%d: %d %d %d", topic, n, end.Offset, last.Offset, at.At)
		}
	}
}

// topics creates the topics of a flights job and loads the airports.
func (f *fleet) topics(partitions int32) {
	f.t.Helper()
	f.parts = partitions
	f.admin.create(f.job.flights(), partitions, nil)
	for _, sub := range f.plan.ForRuntime(flow.Key{}).SubTopologies {
		for _, s := range sub.Sinks {
			if !s.Repartition {
				f.admin.create(s.Topic, partitions, nil)
			}
		}
	}
	if len(f.plan.ForRuntime(flow.Key{}).Globals) > 0 {
		f.admin.create(f.job.airports(), 1, nil)
		f.admin.produce(f.job.airports(), airportMessages())
	}
}

// load produces flights in portions until there are no more, then the closers. Afterwards f.sent is
// how many flights it was.
func (f *fleet) load(ctx context.Context, portions <-chan int) error {
	left := 0
	in := func(yield func(message) bool) {
		for m := range flightMessages(math.MaxInt) {
			for left == 0 {
				select {
				case more, ok := <-portions:
					if !ok {
						return
					}
					left = more
				case <-ctx.Done():
					return
				}
			}
			if !yield(m) {
				return
			}
			left--
			f.sent++
		}
	}
	if err := f.admin.send(ctx, f.job.flights(), in); err != nil {
		return err
	}
	return f.admin.send(ctx, f.job.flights(), closers(f.sent, f.parts))
}

func (f *fleet) anyExited(t *testing.T) bool {
	for _, i := range f.instances {
		if i.child != nil && i.child.exited() {
			t.Fatalf("%s ended by itself (%v); log:\n%s", i.name, i.child.err, tail(i.child.log, 4000))
		}
	}
	return false
}

func (f *fleet) dirs() []string {
	var dirs []string
	for _, i := range f.instances {
		dirs = append(dirs, i.config.StateDir)
	}
	return dirs
}

func (i *instance) start(t *testing.T) {
	t.Helper()
	i.starts++
	i.child = startChild(t, "instance", fmt.Sprintf("%s-%d", i.name, i.starts), i.dir, i.config)
}

// killAndRestart ends the child and starts another at once, noting what its directory holds.
func (i *instance) killAndRestart(t *testing.T) {
	t.Helper()
	i.child.kill()
	i.restart(t)
}

// restart starts a new child in the place of one that is gone.
func (i *instance) restart(t *testing.T) {
	t.Helper()
	i.collect()
	i.stored = map[string]int64{}
	for _, d := range taskDirs(t, i.config.StateDir) {
		s := dump(t, copyDir(t, d), i.fleet.job.Prefix, i.fleet.cluster)
		for store, at := range s.positions {
			i.stored[s.task()+" "+store] = at.Offset
		}
	}
	i.start(t)
}

// collect notes the restores of the child that is ending. Only the first one of a store began from
// what the directory held.
func (i *instance) collect() {
	if i.child == nil || i.stored == nil {
		return
	}
	first := map[string]bool{}
	for _, e := range i.child.seen() {
		id := e.Task + " " + e.Store
		if e.Kind != "restored" || first[id] {
			continue
		}
		first[id] = true
		at, known := i.stored[id]
		i.replays = append(i.replays, replay{e, at, known})
	}
	i.stored = nil
}

// check waits until everything is processed, stops the instances, and compares.
func (f *fleet) check(t *testing.T, live *liveReader, within time.Duration) {
	t.Helper()
	n := f.sent
	var wantDelays, wantCounts []row
	want := 0
	outputs := map[string]bool{}
	for _, sub := range f.plan.ForRuntime(flow.Key{}).SubTopologies {
		for _, s := range sub.Sinks {
			outputs[s.Topic] = !s.Repartition
		}
	}
	if outputs[f.job.delays()] {
		wantDelays = delaysByState(n)
		want += len(wantDelays)
	}
	if outputs[f.job.counts()] {
		wantCounts = countsByKey(chain(flightMessages(n), closers(n, f.parts)))
		want += len(wantCounts)
	}
	eventually(t, within, "all results", func() (bool, string) {
		got := live.count()
		return got >= want || f.anyExited(t), fmt.Sprintf("%d of %d", got, want)
	})
	topics := []string{f.job.flights()}
	for _, r := range f.plan.ForRuntime(flow.Key{}).Repartitions {
		topics = append(topics, f.job.Prefix+"-"+r.Name+"-repartition")
	}
	f.admin.awaitNoLag(time.Minute, f.job.Prefix, topics...)
	f.stop(t)
	var final []output
	if wantDelays != nil {
		got := readAll(t, f.broker.Addr(), f.job.delays())
		sameRows(t, f.job.delays(), got, wantDelays)
		final = append(final, got...)
	}
	if wantCounts != nil {
		got := readAll(t, f.broker.Addr(), f.job.counts())
		sameRows(t, f.job.counts(), got, wantCounts)
		ascending(t, got)
		final = append(final, got...)
	}
	nothingTakenBack(t, live.all(t), final)
	f.quiet(t)
	allStateFits(t, f.broker.Addr(), f.job.Prefix, f.cluster, f.plan, closeTime(n), f.dirs()...)
}

// quiet demands, after the end of all instances, that no transaction is open, no member is left in
// the group, and what was repartitioned and processed is purged.
func (f *fleet) quiet(t *testing.T) {
	t.Helper()
	ctx, cancel := f.admin.context()
	defer cancel()
	topics, err := f.admin.ListTopics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for topic := range topics {
		if !strings.HasPrefix(topic, f.job.Prefix) {
			continue
		}
		stable := f.admin.ends(topic, true)
		for p, end := range f.admin.ends(topic, false) {
			if stable[p] != end {
				t.Errorf("%s/%d: a transaction is open at %d, the log ends at %d", topic, p, stable[p], end)
			}
		}
	}
	group, err := f.admin.DescribeGroups(ctx, f.job.Prefix)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(group[f.job.Prefix].Members); n > 0 {
		t.Errorf("%d members are left in the group", n)
	}
	for _, r := range f.plan.ForRuntime(flow.Key{}).Repartitions {
		topic := f.job.Prefix + "-" + r.Name + "-repartition"
		purged := false
		for _, at := range f.admin.starts(topic) {
			purged = purged || at > 0
		}
		if !purged {
			t.Errorf("%s was never purged", topic)
		}
	}
}

// stop ends all instances cleanly, at the same time.
func (f *fleet) stop(t *testing.T) {
	t.Helper()
	for _, i := range f.instances {
		if i.child != nil {
			i.child.terminate(t)
		}
	}
	for _, i := range f.instances {
		if i.child != nil {
			i.child.stop(t, time.Minute)
			i.collect()
		}
	}
}

// checkReplays demands of every restore after a kill that it began where the directory ended, so
// that nothing was read again which was on disk, and that there was something on disk at all.
func (f *fleet) checkReplays(t *testing.T) {
	t.Helper()
	var restores, warm, read, whole int64
	for _, i := range f.instances {
		for _, r := range i.replays {
			restores++
			read += r.Records
			whole += r.End
			if r.stored > 0 {
				warm++
			}
			if r.known && r.From != r.stored && !(r.From > r.stored && r.From <= f.purged(t, r)) {
				t.Errorf("%s: restore of %s %s began at %d; its directory was at %d", i.name, r.Task, r.Store, r.From, r.stored)
			}
			if r.Records > r.End-r.From {
				t.Errorf("%s: restore of %s %s read %d messages between offsets %d and %d", i.name, r.Task, r.Store, r.Records, r.From, r.End)
			}
		}
	}
	t.Logf("%d restores after kills, %d from state on disk: %d messages read again, of %d offsets in whole logs", restores, warm, read, whole)
	if restores == 0 {
		t.Error("no restore was reported: the counters of the instances do not work")
	}
	if warm == 0 {
		t.Error("no restore found anything on disk: memtables were never flushed")
	}
}

// purged is where the changelog begins: closed windows are deleted from it, and a restore goes on
// behind them.
func (f *fleet) purged(t *testing.T, r replay) int64 {
	t.Helper()
	p, err := strconv.Atoi(r.Task[strings.LastIndexByte(r.Task, '/')+1:])
	if err != nil {
		t.Fatal(err)
	}
	return f.admin.starts(changelogTopic(f.job.Prefix, r.Store))[int32(p)]
}

// ascending demands that each key's counts appear in their order.
func ascending(t *testing.T, out []output) {
	t.Helper()
	last := map[string]int{}
	wrong := 0
	for _, o := range out {
		n, err := strconv.Atoi(o.Value)
		if err != nil || n != last[o.Key]+1 {
			t.Errorf("%s/%d at %d: %s=%s after %d", o.Topic, o.Partition, o.Offset, o.Key, o.Value, last[o.Key])
			if wrong++; wrong > 5 {
				t.Fatal("and more")
			}
		}
		last[o.Key] = n
	}
}

// closeTime is the start of the windows that closers open: in milliseconds.
func closeTime(n int) int64 {
	for m := range closers(n, 1) {
		return time.UnixMilli(m.Timestamp).Truncate(day).UnixMilli()
	}
	return 0
}
