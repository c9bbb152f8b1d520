package load

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/backoff"
)

// Await returns when a broker answers. It tries until ctx ends, and says now and then that it
// waits, and why.
func Await(ctx context.Context, brokers []string, options []kgo.Opt, waiting func(error)) error {
	cl, err := kgo.NewClient(append(options[:len(options):len(options)], kgo.SeedBrokers(brokers...))...)
	if err != nil {
		return err
	}
	defer cl.Close()
	pause, said := backoff.New(50*time.Millisecond, 2*time.Second), time.Time{}
	for {
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := cl.Ping(once)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if time.Since(said) > 10*time.Second {
			waiting(err)
			said = time.Now()
		}
		if err := pause.Wait(ctx); err != nil {
			return err
		}
	}
}

// TopicsOptions say how EnsureTopics creates topics.
type TopicsOptions struct {
	Brokers       []string
	ClientOptions []kgo.Opt
	// Partitions of a new topic.
	Partitions int32
	// Exact makes it an error if a topic exists with another number of partitions.
	Exact bool
	// ReplicationFactor of a new topic; -1 is the broker's default, and so is 0.
	ReplicationFactor int16
}

// EnsureTopics creates those of the topics, and the ledger, that do not exist. New topics keep
// their records forever: the data of an example is older than any usual retention.
func EnsureTopics(ctx context.Context, o TopicsOptions, topics ...string) error {
	cl, err := kgo.NewClient(append(o.ClientOptions[:len(o.ClientOptions):len(o.ClientOptions)], kgo.SeedBrokers(o.Brokers...))...)
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	factor := o.ReplicationFactor
	if factor == 0 {
		factor = -1
	}
	forever := map[string]*string{"retention.ms": kadm.StringPtr("-1")}
	err = create(ctx, adm, 1, factor, map[string]*string{"cleanup.policy": kadm.StringPtr("compact")}, LedgerTopic)
	if err == nil {
		err = create(ctx, adm, o.Partitions, factor, forever, topics...)
	}
	if err != nil || !o.Exact {
		return err
	}
	details, err := adm.ListTopics(ctx, topics...)
	if err != nil {
		return err
	}
	var other []string
	for _, d := range details.Sorted() {
		if d.Err != nil {
			return fmt.Errorf("topic %s: %w", d.Topic, d.Err)
		}
		if n := len(d.Partitions); n != int(o.Partitions) {
			other = append(other, fmt.Sprintf("%s has %d", d.Topic, n))
		}
	}
	if len(other) > 0 {
		return fmt.Errorf("%w than %d: %s", ErrPartitions, o.Partitions, strings.Join(other, ", "))
	}
	return nil
}

// ErrPartitions says that topics exist with another number of partitions.
var ErrPartitions = errors.New("topics exist with another number of partitions")

func create(ctx context.Context, adm *kadm.Client, partitions int32, factor int16, config map[string]*string, topics ...string) error {
	responses, err := adm.CreateTopics(ctx, partitions, factor, config, topics...)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	var failed error
	for _, r := range slices.SortedFunc(maps.Values(responses), func(a, b kadm.CreateTopicResponse) int { return strings.Compare(a.Topic, b.Topic) }) {
		if r.Err == nil || errors.Is(r.Err, kerr.TopicAlreadyExists) {
			continue
		}
		err := fmt.Errorf("create topic %s: %w", r.Topic, r.Err)
		if r.ErrMessage != "" {
			err = fmt.Errorf("%w: %s", err, r.ErrMessage)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}
