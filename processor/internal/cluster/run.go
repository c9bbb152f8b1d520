package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/checkpoint"
)

// Run is a bounded run: the ends up to which the sources are read, the same for every instance and
// after every restart.
//
// It is kept as committed offsets of the consumer group APP-until-end, which nobody joins: offsets
// are the ends, the metadata says which run they belong to and whether it is over.
type Run struct {
	ID   uint64
	ends map[string]map[int32]int64

	lastMu sync.Mutex
	last   map[string][]*kgo.Record // by topic, once they were asked for
}

// runBits of a run's id are random; the others are when it was begun, in milliseconds.
const runBits = 20

func newRunID(now time.Time) uint64 {
	return uint64(now.UnixMilli())<<runBits | rand.Uint64()&(1<<runBits-1) | 1
}

// Began is when the run was begun: the same for all instances, and after every restart.
func (r *Run) Began() time.Time { return time.UnixMilli(int64(r.ID >> runBits)) }

// Ends returns the end offset of the partition in each of the topics that is a source; repartition
// topics have none.
func (r *Run) Ends(topics []string, partition int32) map[string]int64 {
	out := map[string]int64{}
	for _, t := range topics {
		if end, ok := r.ends[t][partition]; ok {
			out[t] = end
		}
	}
	return out
}

// Runs finds, begins and ends bounded runs.
type Runs struct {
	View   *View
	App    string
	Admin  *kadm.Client
	Logger *slog.Logger
	// Leader says that a worker of this process leads the group, and so begins the run if there is
	// none.
	Leader atomic.Bool
	// Settled, if not nil, is called when the run has other topics of patterns than were found
	// here.
	Settled func()

	mu  sync.Mutex // one at a time begins a run
	run *Run
}

func (r *Runs) group() string { return r.App + runGroup }

// runGroup is what the name of the group of bounded runs ends in.
const runGroup = "-until-end"

const (
	runOpen = "open"
	runDone = "done"
)

// Await returns the run that is under way, begun by whoever leads the group. It is safe for
// concurrent use, and always returns the same run.
func (r *Runs) Await(ctx context.Context) (*Run, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.run != nil {
		return r.run, nil
	}
	run, err := r.await(ctx)
	if err != nil {
		return nil, err
	}
	changed, err := r.View.Settle(ctx, slices.Collect(maps.Keys(run.ends)))
	if err != nil {
		return nil, err
	}
	r.run = run
	if changed && r.Settled != nil {
		r.Settled()
	}
	return run, nil
}

// openTopics returns the topics of a bounded run that is not over, nil if there is none.
func openTopics(ctx context.Context, adm *kadm.Client, app string) (topics []string, err error) {
	offsets, err := adm.FetchOffsets(ctx, app+runGroup)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, err
	}
	for topic, partitions := range offsets {
		for _, o := range partitions {
			if state, _, _ := strings.Cut(o.Metadata, ":"); state == runOpen {
				topics = append(topics, topic)
				break
			}
		}
	}
	return topics, nil
}

func (r *Runs) await(ctx context.Context) (*Run, error) {
	var run *Run
	attempts, found := 0, false
	// A leader that died before it began the run, and came back as the same static member, is not
	// told again that it leads.
	alone := time.Now().Add(5 * time.Second)
	err := Wait(ctx, r.Logger, "the end offsets of the bounded run", func(ctx context.Context) error {
		var err error
		attempts++
		if run, err = r.find(ctx); err != nil || run != nil {
			found = attempts == 1
			return err
		}
		if !r.Leader.Load() && time.Now().Before(alone) {
			return errNoRun
		}
		if err := r.begin(ctx); err != nil {
			return err
		}
		if run, err = r.find(ctx); err == nil && run == nil {
			err = errNoRun
		}
		return err
	})
	if found && err == nil {
		r.tell(ctx, run)
	}
	return run, err
}

// tell says that run was there already: begun by another instance, or long ago and stopped. What
// has come in since then is not for it, which nobody would expect of a run that he has just
// started.
func (r *Runs) tell(ctx context.Context, run *Run) {
	var since int64
	ends, err := r.Admin.ListCommittedOffsets(ctx, slices.Collect(maps.Keys(run.ends))...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		r.Logger.Info("going on with the bounded run that has begun before", "run", run.name(), "err", err)
		return
	}
	ends.Each(func(o kadm.ListedOffset) {
		if end, ok := run.ends[o.Topic][o.Partition]; ok {
			since += max(0, o.Offset-end)
		}
	})
	if since == 0 {
		r.Logger.Info("going on with the bounded run that has begun before", "run", run.name())
		return
	}
	r.Logger.Warn("going on with the bounded run that has begun before: it ends where the input ended then. Run once more for what has come since", "run", run.name(), "offsets since", since)
}

func (r *Run) name() string { return strconv.FormatUint(r.ID, 16) }

var errNoRun = errors.New("the group has no leader yet")

func (r *Runs) find(ctx context.Context) (*Run, error) {
	offsets, err := r.Admin.FetchOffsets(ctx, r.group())
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, err
	}
	run := &Run{ends: map[string]map[int32]int64{}}
	var failed error
	sources := r.sources()
	offsets.Each(func(o kadm.OffsetResponse) {
		state, id, ok := strings.Cut(o.Metadata, ":")
		if o.Err != nil || !ok {
			failed = errors.Join(failed, fmt.Errorf("group %s: %s/%d: metadata %q: %w", r.group(), o.Topic, o.Partition, o.Metadata, errors.Join(o.Err, errRun)))
			return
		}
		if state != runOpen || !sources[o.Topic] && !r.View.matches(o.Topic) {
			return
		}
		n, err := strconv.ParseUint(id, 16, 64)
		failed = errors.Join(failed, err)
		run.ID = n
		if run.ends[o.Topic] == nil {
			run.ends[o.Topic] = map[int32]int64{}
		}
		run.ends[o.Topic][o.Partition] = o.At
	})
	if failed != nil || run.ID == 0 {
		return nil, failed
	}
	return run, nil
}

var errRun = errors.New("not the record of a bounded run")

func (r *Runs) sources() map[string]bool {
	out := map[string]bool{}
	for _, sub := range r.View.Plan().SubTopologies {
		for _, i := range sub.Inputs {
			if !i.Repartition {
				out[i.Topic] = true
			}
		}
	}
	return out
}

// begin writes the ends of the sources as they are now.
func (r *Runs) begin(ctx context.Context) error {
	var topics []string
	for t := range r.sources() {
		topics = append(topics, t)
	}
	ends, err := r.Admin.ListCommittedOffsets(ctx, topics...)
	if err != nil {
		return err
	}
	if err := ends.Error(); err != nil {
		return err
	}
	id := newRunID(time.Now())
	// Somebody else may have begun one meanwhile. It is looked for as late as possible: of two, the
	// later one counts.
	if run, err := r.find(ctx); err != nil || run != nil {
		return err
	}
	offsets := kadm.Offsets{}
	ends.Each(func(o kadm.ListedOffset) {
		offsets.Add(kadm.Offset{Topic: o.Topic, Partition: o.Partition, At: o.Offset, LeaderEpoch: -1, Metadata: runOpen + ":" + strconv.FormatUint(id, 16)})
	})
	return r.Admin.CommitAllOffsets(ctx, r.group(), offsets)
}

// Completed reports whether run is over: every task of the plan has ended it, or somebody has
// marked it as done, and perhaps begun another since.
func (r *Runs) Completed(ctx context.Context, run *Run) (bool, error) {
	if over, err := r.over(ctx, run); over || err != nil {
		return over, err
	}
	offsets, err := r.Admin.FetchOffsets(ctx, r.App)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return false, err
	}
	for _, sub := range r.View.Plan().SubTopologies {
		for p := range r.View.Tasks(sub.Name) {
			for _, t := range r.View.Inputs(sub, p) {
				o, ok := offsets.Lookup(t, p)
				if !ok {
					return false, nil
				}
				md, err := checkpoint.ParseMetadata(o.Metadata)
				if err != nil {
					return false, fmt.Errorf("%s/%d: %w", t, p, err)
				}
				if md.Ended != run.ID {
					return false, nil
				}
			}
		}
	}
	return true, nil
}

// over reports whether the record says that run is done, or names another.
func (r *Runs) over(ctx context.Context, run *Run) (bool, error) {
	offsets, err := r.Admin.FetchOffsets(ctx, r.group())
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return false, err
	}
	mine, others := false, false
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Err != nil || run.ends[o.Topic] == nil {
			return
		}
		if o.Metadata == runOpen+":"+run.name() {
			mine = true
		} else {
			others = true
		}
	})
	return others && !mine, nil
}

// Finish marks run as over: the next bounded run has new ends. Any instance may do it, any number
// of times.
func (r *Runs) Finish(ctx context.Context, run *Run) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	now, err := r.find(ctx)
	if err != nil || now == nil || now.ID != run.ID {
		return err // over, or followed by another already
	}
	offsets := kadm.Offsets{}
	for t, ps := range run.ends {
		for p, end := range ps {
			offsets.Add(kadm.Offset{Topic: t, Partition: p, At: end, LeaderEpoch: -1, Metadata: runDone + ":" + run.name()})
		}
	}
	return r.Admin.CommitAllOffsets(ctx, r.group(), offsets)
}
