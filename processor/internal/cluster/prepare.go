package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sort"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/backoff"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/timing"
	"github.com/kolkstream/kolk/processor/report"
)

// Options of [Prepare].
type Options struct {
	App               string
	Plan              *flow.Plan
	ReplicationFactor int16
	// MaxMessageBytes of internal topics; 0: as much as the topics of the plan take, and a little
	// more.
	MaxMessageBytes int
	// Times are the application's; Transactional says that it has transactions, which have one of
	// them.
	Times         timing.Settings
	Transactional bool
	Logger        *slog.Logger
	// Bounded says that the application reads what is there now, or what was there when a bounded
	// run was begun that is not over.
	Bounded bool
	// Grown, if not nil, is told of inputs that have got more partitions: see [View.Look].
	Grown func(report.Growth)
}

// missingAfter is how long a topic is unknown to the brokers until it counts as missing.
const missingAfter = time.Second

// Prepare waits for the cluster, checks the topics of the plan against it and creates the internal
// topics. Its error lists everything that does not fit; it is final, except when ctx has ended.
func Prepare(ctx context.Context, cl *kgo.Client, o Options) (*View, error) {
	adm := kadm.NewClient(cl)
	v := &View{app: o.App, plan: o.Plan, cl: cl, options: o, topics: map[string]Topic{}, tasks: map[string]int32{}, most: map[string]int32{}, missing: map[string]int{}, refused: map[string]report.Growth{}}
	if err := v.resolve(ctx, adm); err != nil {
		return nil, err
	}
	var users []string
	seen := map[string]bool{}
	add := func(t string) {
		if !seen[t] {
			seen[t] = true
			users = append(users, t)
		}
	}
	for _, sub := range v.Plan().SubTopologies {
		for _, i := range sub.Inputs {
			if !i.Repartition {
				add(i.Topic)
			}
		}
		for _, s := range sub.Sinks {
			if !s.Repartition {
				add(s.Topic)
			}
		}
	}
	for _, g := range o.Plan.Globals {
		add(g.Topic)
	}
	sort.Strings(users)

	var md kadm.Metadata
	began := time.Now()
	if err := Wait(ctx, o.Logger, "the brokers", func(ctx context.Context) error {
		var err error
		if md, err = adm.Metadata(ctx, users...); err != nil {
			return err
		}
		// A topic that has just been created may be unknown for a moment, and then have no leaders.
		patient := time.Since(began) < missingAfter
		for _, t := range users {
			if err := md.Topics[t].Err; kerr.IsRetriable(err) && (patient || !errors.Is(err, kerr.UnknownTopicOrPartition)) {
				return fmt.Errorf("topic %q: %w", t, err)
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	v.ID, v.Quirks = md.Cluster, quirks(md.Cluster)
	var missing []string
	for _, t := range users {
		d, ok := md.Topics[t]
		switch {
		case !ok || errors.Is(d.Err, kerr.UnknownTopicOrPartition):
			missing = append(missing, t)
		case d.Err != nil:
			return nil, fmt.Errorf("topic %q: %w", t, d.Err)
		}
	}
	if len(missing) > 0 {
		return nil, &report.MissingTopicsError{Topics: missing}
	}
	v.learn(md.Topics)
	var err error
	if err := Wait(ctx, o.Logger, "the brokers", func(ctx context.Context) error {
		v.Transactions2, err = transactions2(ctx, cl)
		return err
	}); err != nil {
		return nil, err
	}
	if err := checkTimes(ctx, adm, o.Times, o.Transactional); err != nil {
		return nil, err
	}
	v.learnConfigs(ctx, adm, users)
	v.report(o.Logger)
	if err := v.existing(ctx, adm); err != nil {
		return nil, err
	}
	repartitions, err := v.size()
	if err != nil {
		return nil, err
	}
	if err := v.internalTopics(ctx, repartitions, v.Tasks); err != nil {
		return nil, err
	}
	return v, nil
}

// existing learns which repartition topics are there already.
func (v *View) existing(ctx context.Context, adm *kadm.Client) error {
	var names []string
	for _, r := range v.Plan().Repartitions {
		names = append(names, v.Real(r.Name, true))
	}
	if len(names) == 0 {
		return nil
	}
	return Wait(ctx, v.options.Logger, "the brokers", func(ctx context.Context) error {
		details, err := adm.ListTopicsWithInternal(ctx, names...)
		if err == nil {
			v.learn(details)
		}
		return err
	})
}

// internalTopics creates the internal topics that are missing, for repartition topics of so many
// partitions and sub-topologies of so many tasks.
func (v *View) internalTopics(ctx context.Context, repartitions map[string]int32, tasks func(sub string) int32) error {
	var topics []changelog.Topic
	most := v.internalBytes(v.options.MaxMessageBytes)
	for name, n := range repartitions {
		topics = append(topics, changelog.Topic{Name: v.Real(name, true), Partitions: n, Kind: changelog.Repartition, MaxBytes: most, For: "repartition " + name})
	}
	for _, sub := range v.Plan().SubTopologies {
		for _, s := range sub.Stores {
			if !s.Logged {
				continue
			}
			kind := changelog.KeyValueChangelog
			if s.Kind.Windowed() {
				kind = changelog.WindowChangelog
			}
			topics = append(topics, changelog.Topic{Name: changelog.Name(v.app, s.Name), Partitions: tasks(sub.Name), Kind: kind, MaxBytes: most, For: "store " + s.Name, Grows: !keyed(sub)})
		}
	}
	if len(topics) == 0 {
		return nil
	}
	sort.Slice(topics, func(i, j int) bool { return topics[i].Name < topics[j].Name })
	infos, err := changelog.EnsureTopics(ctx, v.cl, topics, v.options.ReplicationFactor)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, i := range infos {
		v.topics[i.Name] = Topic{Name: i.Name, ID: i.ID, Partitions: i.Partitions, DeleteRetention: i.DeleteRetention, Limits: i.Limits}
	}
	return nil
}

// transactions2 asks one broker for the finalized level of transaction.version.
func transactions2(ctx context.Context, cl *kgo.Client) (bool, error) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "kolk", "1"
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return false, fmt.Errorf("api versions: %w", err)
	}
	for _, f := range resp.FinalizedFeatures {
		if f.Name == "transaction.version" {
			return f.MaxVersionLevel >= 2, nil
		}
	}
	return false, nil
}

// Wait calls try until it succeeds or ctx ends, at growing intervals, and tells the operator now
// and then what it waits for.
func Wait(ctx context.Context, log *slog.Logger, what string, try func(context.Context) error) error {
	pause, told := backoff.New(50*time.Millisecond, time.Second), time.Second
	for waited := time.Duration(0); ; {
		one, cancel := context.WithTimeout(ctx, 10*time.Second)
		start := time.Now()
		err := try(one)
		cancel()
		if err == nil {
			if told > time.Second {
				log.Info("no longer waiting", "for", what)
			}
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("waiting for %s: %w", what, errors.Join(ctx.Err(), err))
		}
		var ke *kerr.Error
		if errors.As(err, &ke) && !ke.Retriable {
			return fmt.Errorf("%s: %w", what, err)
		}
		waited += time.Since(start)
		if waited >= told {
			log.Warn("waiting", "for", what, "since", waited.Round(time.Second), "err", err)
			told = 2 * waited
		}
		start = time.Now()
		if pause.Wait(ctx) != nil {
			return fmt.Errorf("waiting for %s: %w", what, errors.Join(ctx.Err(), err))
		}
		waited += time.Since(start)
	}
}
