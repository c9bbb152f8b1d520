package changelog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/internal/backoff"
)

// Kind is what an internal topic is for; it decides the topic's configuration.
type Kind int

const (
	// KeyValueChangelog mirrors a key-value store: compacted, never deleted.
	KeyValueChangelog Kind = iota
	// WindowChangelog mirrors a window store: compacted; records are deleted below an offset that
	// the application sets, never by the clock, for event time may be years old.
	WindowChangelog
	// Repartition carries records between sub-topologies: kept until the application deletes what
	// it has processed.
	Repartition
)

// String returns the kind's name as it is used in messages.
func (k Kind) String() string {
	switch k {
	case KeyValueChangelog:
		return "changelog"
	case WindowChangelog:
		return "window changelog"
	case Repartition:
		return "repartition topic"
	}
	return "kind " + strconv.Itoa(int(k))
}

// Topic is an internal topic as the application needs it.
type Topic struct {
	// Name is the topic's name on the broker.
	Name string
	// Partitions is how many it must have: as many as its sub-topology has tasks.
	Partitions int32
	Kind       Kind
	// Grows says that a topic with fewer partitions gets more: they hold no keys, each belongs to
	// one task.
	Grows bool
	// MaxBytes is the max.message.bytes that it is created with; 0 leaves it to the broker.
	MaxBytes int
	// For says in messages what the topic belongs to, for example the sub-topology's name. It may
	// be empty.
	For string
}

// TopicInfo is an internal topic as the broker has it.
type TopicInfo struct {
	Name       string
	ID         [16]byte
	Partitions int32
	// DeleteRetention is how long a changelog keeps tombstones. Local state that was not updated
	// for that long must not be continued: keys that were deleted meanwhile would rise again. 0 if
	// the topic is not compacted, or it is not known.
	DeleteRetention time.Duration
	// Limits is what the topic takes; nil if it is not known.
	Limits *Limits
}

// TopicsError is returned by [EnsureTopics] for topics that do not fit. Each problem is a sentence
// with a way out.
type TopicsError struct{ Problems []string }

// Error lists all problems.
func (e *TopicsError) Error() string {
	if len(e.Problems) == 1 {
		return "changelog: " + e.Problems[0]
	}
	return fmt.Sprintf("changelog: %d problems with internal topics:\n  - %s", len(e.Problems), strings.Join(e.Problems, "\n  - "))
}

// createWait is how long EnsureTopics waits for a created topic to be known to the brokers and to
// have leaders.
const createWait = 30 * time.Second

// config returns the configuration of new topics, and the part of it that brokers older than 3.6 do
// not know.
func (k Kind) config() (required, optional map[string]string) {
	const forever, anyTime = "-1", "9223372036854775807"
	required = map[string]string{
		"message.timestamp.type": "CreateTime",
		"retention.ms":           forever, // explicit: the broker's defaults may delete
		"retention.bytes":        forever,
		// only closed segments are compacted and deleted
		"segment.bytes": strconv.Itoa(64 << 20),
	}
	switch k {
	case KeyValueChangelog:
		required["cleanup.policy"] = "compact"
	case WindowChangelog:
		required["cleanup.policy"] = "compact,delete" // "delete" only permits DeleteRecords
	case Repartition:
		required["cleanup.policy"] = "delete"
	}
	if k != Repartition {
		required["delete.retention.ms"] = strconv.FormatInt((24 * time.Hour).Milliseconds(), 10)
		// restore time matters more than the cleaner's work
		required["min.cleanable.dirty.ratio"] = "0.3"
	}
	// Timestamps are event time: neither the past nor the future is an error of the application.
	optional = map[string]string{"message.timestamp.before.max.ms": anyTime, "message.timestamp.after.max.ms": anyTime}
	return required, optional
}

// EnsureTopics creates the topics that are missing and checks those that exist. It returns what the
// broker has, by name. replication is the replication factor of new topics; 0 leaves it to the
// broker.
//
// Topics that do not fit are listed, all of them, in a [*TopicsError]; nothing is altered but the
// number of partitions of those that grow. Any other error is the broker's or ctx's, and
// EnsureTopics can be called again. Instances may call it at the same time.
func EnsureTopics(ctx context.Context, client *kgo.Client, topics []Topic, replication int16) (map[string]TopicInfo, error) {
	if len(topics) == 0 {
		return map[string]TopicInfo{}, nil
	}
	e := &ensurer{client: client, admin: kadm.NewClient(client), want: make(map[string]Topic, len(topics))}
	for _, t := range topics {
		e.want[t.Name] = t
	}
	e.names = slices.Sorted(maps.Keys(e.want))

	have, err := e.list(ctx)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range e.names {
		if errors.Is(have[name].Err, kerr.UnknownTopicOrPartition) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		if err := e.create(ctx, missing, replication, true); err != nil {
			return nil, err
		}
		if have, err = e.await(ctx); err != nil {
			return nil, err
		}
	}
	if have, err = e.grow(ctx, have); err != nil {
		return nil, err
	}
	infos := e.check(have)
	if err := e.checkConfigs(ctx, infos); err != nil {
		return nil, err
	}
	if len(e.problems) > 0 {
		slices.Sort(e.problems)
		return nil, &TopicsError{Problems: e.problems}
	}
	return infos, nil
}

type ensurer struct {
	client   *kgo.Client
	admin    *kadm.Client
	want     map[string]Topic
	names    []string
	problems []string
}

func (e *ensurer) problem(format string, args ...any) {
	e.problems = append(e.problems, fmt.Sprintf(format, args...))
}

func (e *ensurer) list(ctx context.Context) (kadm.TopicDetails, error) {
	have, err := e.admin.ListTopicsWithInternal(ctx, e.names...)
	if err != nil {
		return nil, fmt.Errorf("changelog: look up internal topics: %w", err)
	}
	return have, nil
}

// create asks for the topics in one request. Those that somebody else created meanwhile are fine.
func (e *ensurer) create(ctx context.Context, names []string, replication int16, optional bool) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 30_000
	for _, name := range names {
		want := e.want[name]
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = name, want.Partitions, replication
		if replication <= 0 {
			t.ReplicationFactor = -1
		}
		required, extra := want.Kind.config()
		if want.MaxBytes > 0 {
			required[maxMessageBytes] = strconv.Itoa(want.MaxBytes)
		}
		if optional {
			maps.Copy(required, extra)
		}
		for _, k := range slices.Sorted(maps.Keys(required)) {
			c := kmsg.NewCreateTopicsRequestTopicConfig()
			c.Name, c.Value = k, kmsg.StringPtr(required[k])
			t.Configs = append(t.Configs, c)
		}
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, e.client)
	if err != nil {
		return fmt.Errorf("changelog: create internal topics %s: %w", strings.Join(names, ", "), err)
	}
	var again []string
	for _, t := range resp.Topics {
		err := kerr.ErrorForCode(t.ErrorCode)
		switch {
		case err == nil, errors.Is(err, kerr.TopicAlreadyExists):
		case optional && errors.Is(err, kerr.InvalidConfig):
			again = append(again, t.Topic)
		case kerr.IsRetriable(err):
			return fmt.Errorf("changelog: create internal topic %s: %w", t.Topic, err)
		case errors.Is(err, kerr.InvalidReplicationFactor):
			e.problem("%s %s cannot be created with replication factor %d (%s): set the replication factor to the number of brokers or less",
				e.want[t.Topic].Kind, t.Topic, replication, detail(err, t.ErrorMessage))
		default:
			e.problem("%s %s cannot be created (%s): create it by hand, or give the application the right to",
				e.want[t.Topic].Kind, t.Topic, detail(err, t.ErrorMessage))
		}
	}
	if len(again) > 0 {
		return e.create(ctx, again, replication, false)
	}
	return nil
}

// grow gives topics that grow the partitions that they lack.
func (e *ensurer) grow(ctx context.Context, have kadm.TopicDetails) (kadm.TopicDetails, error) {
	grown := false
	for _, name := range e.names {
		want, got := e.want[name], have[name]
		if !want.Grows || got.Err != nil || int32(len(got.Partitions)) >= want.Partitions {
			continue
		}
		responses, err := e.admin.UpdatePartitions(ctx, int(want.Partitions), name)
		if err != nil {
			return nil, fmt.Errorf("changelog: more partitions for internal topic %s: %w", name, err)
		}
		r := responses[name]
		switch {
		case r.Err == nil, errors.Is(r.Err, kerr.InvalidPartitions):
			// somebody else has done it, or check says what is there
			grown = true
		case kerr.IsRetriable(r.Err):
			return nil, fmt.Errorf("changelog: more partitions for internal topic %s: %w", name, r.Err)
		default:
			e.problem("%s %s has %d partitions, and cannot get the %d that are needed (%s): give the application the right to alter it, or do it by hand",
				want.Kind, name, len(got.Partitions), want.Partitions, detail(r.Err, &r.ErrMessage))
		}
	}
	if !grown || len(e.problems) > 0 {
		return have, nil
	}
	return e.await(ctx)
}

func detail(err error, message *string) string {
	if message != nil && *message != "" {
		return err.Error() + "; " + *message
	}
	return err.Error()
}

// await lists the topics until all are known that are not a problem already: a created topic takes
// a moment to be seen.
func (e *ensurer) await(ctx context.Context) (kadm.TopicDetails, error) {
	ctx, cancel := context.WithTimeout(ctx, createWait)
	defer cancel()
	for pause := backoff.New(10*time.Millisecond, 200*time.Millisecond); ; {
		have, err := e.list(ctx)
		if err != nil {
			return nil, err
		}
		settled := true
		for _, d := range have {
			for _, p := range d.Partitions {
				settled = settled && p.Err == nil
			}
			if d.Err != nil && kerr.IsRetriable(d.Err) && len(e.problems) == 0 {
				settled = false
			}
			want := e.want[d.Topic]
			settled = settled && (!want.Grows || d.Err != nil || int32(len(d.Partitions)) >= want.Partitions)
		}
		if settled && e.led(ctx, have) {
			return have, nil
		}
		if pause.Wait(ctx) != nil {
			return nil, fmt.Errorf("changelog: internal topics were created, but the brokers do not show them with leaders: %w", ctx.Err())
		}
	}
}

// led reports whether the brokers that are named as leaders know it: with many partitions it takes
// them a second. Asked once for all partitions here, it need not be found out by every task. What
// is wrong otherwise shows elsewhere.
func (e *ensurer) led(ctx context.Context, have kadm.TopicDetails) bool {
	const latest = -1
	requests := map[int32]*kmsg.ListOffsetsRequest{} // by leader
	for _, d := range have {
		leaders := map[int32]bool{}
		for _, p := range d.Partitions {
			req := requests[p.Leader]
			if req == nil {
				req = kmsg.NewPtrListOffsetsRequest()
				req.ReplicaID = -1
				requests[p.Leader] = req
			}
			if !leaders[p.Leader] {
				leaders[p.Leader] = true
				t := kmsg.NewListOffsetsRequestTopic()
				t.Topic = d.Topic
				req.Topics = append(req.Topics, t)
			}
			rp := kmsg.NewListOffsetsRequestTopicPartition()
			rp.Partition, rp.Timestamp, rp.CurrentLeaderEpoch = p.Partition, latest, -1
			t := &req.Topics[len(req.Topics)-1]
			t.Partitions = append(t.Partitions, rp)
		}
	}
	for leader, req := range requests {
		// Not through the client as a whole, which would wait a quarter of a second and ask again
		// itself.
		resp, err := req.RequestWith(ctx, e.client.Broker(int(leader)))
		if err != nil {
			continue
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if kerr.IsRetriable(kerr.ErrorForCode(p.ErrorCode)) {
					return false
				}
			}
		}
	}
	return true
}

// check compares what exists with what is wanted.
func (e *ensurer) check(have kadm.TopicDetails) map[string]TopicInfo {
	infos := make(map[string]TopicInfo, len(have))
	for _, name := range e.names {
		want, got := e.want[name], have[name]
		if got.Err != nil {
			if !errors.Is(got.Err, kerr.UnknownTopicOrPartition) || len(e.problems) == 0 {
				e.problem("%s %s cannot be looked up: %v", want.Kind, name, got.Err)
			}
			continue
		}
		n := int32(len(got.Partitions))
		infos[name] = TopicInfo{Name: name, ID: [16]byte(got.ID), Partitions: n}
		if n == want.Partitions || want.Grows && n > want.Partitions {
			// another instance knows of more
			continue
		}
		owner := ""
		if want.For != "" {
			owner = " of " + want.For
		}
		if want.Kind == Repartition {
			e.problem("repartition topic %s%s has %d partitions, but the topology asks for %d: ask for %d, or reset the application and delete the topic",
				name, owner, n, want.Partitions, n)
			continue
		}
		e.problem("%s %s has %d partitions, but there are %d tasks%s: the input's partition count changed under existing state, whose keys now belong to other tasks; "+
			"reset the application (delete its internal topics and local state) and process the input again, or give it a new application id",
			want.Kind, name, n, want.Partitions, owner)
	}
	return infos
}

// checkConfigs refuses configurations that would lose state or timestamps, and notes how long
// tombstones are kept.
func (e *ensurer) checkConfigs(ctx context.Context, infos map[string]TopicInfo) error {
	if len(infos) == 0 {
		return nil
	}
	rcs, err := e.admin.DescribeTopicConfigs(ctx, slices.Sorted(maps.Keys(infos))...)
	if err != nil {
		return fmt.Errorf("changelog: look up the configuration of internal topics: %w", err)
	}
	for _, rc := range rcs {
		want := e.want[rc.Name]
		if rc.Err != nil {
			if kerr.IsRetriable(rc.Err) {
				return fmt.Errorf("changelog: look up the configuration of %s: %w", rc.Name, rc.Err)
			}
			e.problem("the configuration of %s %s cannot be looked up: %v", want.Kind, rc.Name, rc.Err)
			continue
		}
		cfg := make(map[string]string, len(rc.Configs))
		for _, c := range rc.Configs {
			cfg[c.Key] = c.MaybeValue()
		}
		e.checkConfig(want, cfg)
		info := infos[rc.Name]
		info.Limits = NewLimits(rc.Name, cfg, time.Now)
		if ms, err := strconv.ParseInt(cfg["delete.retention.ms"], 10, 64); err == nil && want.Kind != Repartition {
			info.DeleteRetention = time.Duration(min(ms, int64(1<<63-1)/int64(time.Millisecond))) * time.Millisecond
		}
		infos[rc.Name] = info
	}
	return nil
}

func (e *ensurer) checkConfig(want Topic, cfg map[string]string) {
	var compact, deletes bool
	for p := range strings.SplitSeq(cfg["cleanup.policy"], ",") {
		switch strings.TrimSpace(p) {
		case "compact":
			compact = true
		case "delete":
			deletes = true
		}
	}
	required, _ := want.Kind.config()
	policy := required["cleanup.policy"]
	switch {
	case want.Kind == Repartition && compact:
		e.problem("repartition topic %s has cleanup.policy=%s, which would drop records before they are processed: set cleanup.policy=%s", want.Name, cfg["cleanup.policy"], policy)
	case want.Kind != Repartition && !compact:
		e.problem("%s %s has cleanup.policy=%s, which would delete state: set cleanup.policy=%s", want.Kind, want.Name, cfg["cleanup.policy"], policy)
	case want.Kind != Repartition && deletes:
		for _, k := range []string{"retention.ms", "retention.bytes"} {
			if v := cfg[k]; v != "" && v != "-1" {
				e.problem("%s %s has %s=%s beside cleanup.policy=%s, which would delete state: set %s=-1", want.Kind, want.Name, k, v, cfg["cleanup.policy"], k)
			}
		}
	}
	if v := cfg["message.timestamp.type"]; v != "" && v != "CreateTime" {
		e.problem("%s %s has message.timestamp.type=%s, which overwrites event time: set message.timestamp.type=CreateTime", want.Kind, want.Name, v)
	}
}
