package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
)

// kafkaDefault is Kafka's delete.retention.ms where the brokers do not tell: as good a guess as
// any.
const kafkaDefault = 24 * time.Hour

// configWait is how long the brokers are waited for that are asked for configurations. All goes on
// without.
const configWait = 10 * time.Second

// learnConfigs asks for the configurations of the application's own topics.
func (v *View) learnConfigs(ctx context.Context, adm *kadm.Client, topics []string) {
	if len(topics) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, configWait)
	defer cancel()
	configs := describe(ctx, adm, topics...)
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, name := range topics {
		t := v.topics[name]
		t.DeleteRetention = kafkaDefault
		if cfg, ok := configs[name]; ok {
			t.Limits = changelog.NewLimits(name, cfg, time.Now)
			if ms, err := strconv.ParseInt(cfg["delete.retention.ms"], 10, 64); err == nil {
				t.DeleteRetention = time.Duration(min(ms, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
			}
		}
		v.topics[name] = t
	}
}

// describe returns the configurations that the brokers show.
func describe(ctx context.Context, adm *kadm.Client, topics ...string) map[string]map[string]string {
	all := map[string]map[string]string{}
	rcs, _ := adm.DescribeTopicConfigs(ctx, topics...)
	for _, rc := range rcs {
		if rc.Err != nil {
			continue
		}
		cfg := make(map[string]string, len(rc.Configs))
		for _, c := range rc.Configs {
			cfg[c.Key] = c.MaybeValue()
		}
		all[rc.Name] = cfg
	}
	return all
}

// Relearn asks for a topic's configuration again, and reports whether it takes something else than
// before.
func (v *View) Relearn(ctx context.Context, cl *kgo.Client, topic string) bool {
	cfg, ok := describe(ctx, kadm.NewClient(cl), topic)[topic]
	if !ok {
		return false
	}
	now := changelog.NewLimits(topic, cfg, time.Now)
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.topics[topic]
	if now.Same(t.Limits) {
		return false
	}
	t.Limits = now
	v.topics[topic] = t
	return true
}

const (
	// unknownBytes is Kafka's default of max.message.bytes, less the client's own allowance.
	unknownBytes = 1_000_012
	// internalRoom is what keys and headers of kolk's own may add to a message.
	internalRoom = 64 << 10
	// leastBatch and mostBatch are the client's bounds.
	leastBatch, mostBatch = 512, 1 << 30
)

// BatchBytes returns how large a batch for a topic may be.
func (v *View) BatchBytes(topic string) int32 {
	if l := v.Limits(topic); l != nil && l.MaxBytes > 0 {
		return int32(min(max(l.MaxBytes, leastBatch), mostBatch))
	}
	return unknownBytes
}

// internalBytes is max.message.bytes of new internal topics.
func (v *View) internalBytes(set int) int {
	if set > 0 {
		return set
	}
	most := unknownBytes
	for _, topic := range v.own() {
		if l := v.Limits(topic); l != nil {
			most = max(most, l.MaxBytes)
		}
	}
	return min(most, mostBatch) + internalRoom
}

// sinks are the names of the application's output topics, in order.
func (v *View) sinks() (topics []string) {
	for _, sub := range v.Plan().SubTopologies {
		for _, s := range sub.Sinks {
			if !s.Repartition {
				topics = append(topics, s.Topic)
			}
		}
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

// own are the names of the application's inputs and outputs.
func (v *View) own() []string {
	topics := v.sinks()
	for _, sub := range v.Plan().SubTopologies {
		for _, in := range sub.Inputs {
			if !in.Repartition {
				topics = append(topics, in.Topic)
			}
		}
	}
	return topics
}

// kafkaAfter is what Kafka 4 has by default for message.timestamp.after.max.ms.
const kafkaAfter = int64(time.Hour / time.Millisecond)

// report tells, once for each output topic, what it refuses and deletes: as a warning what is not
// as Kafka has it by default.
func (v *View) report(log *slog.Logger) {
	largest, from := 0, ""
	for _, sub := range v.Plan().SubTopologies {
		for _, in := range sub.Inputs {
			if l := v.Limits(in.Topic); l != nil && !in.Repartition && l.MaxBytes > largest {
				largest, from = l.MaxBytes, in.Topic
			}
		}
	}
	for _, topic := range v.sinks() {
		l := v.Limits(topic)
		if l == nil {
			log.Warn("the configuration of an output topic cannot be read: what it refuses is found out when it does. The application needs the right to describe it (DescribeConfigs)", "topic", topic)
			continue
		}
		var warn, info []string
		if l.Overwritten {
			warn = append(warn, "overwrites the times of results with the broker's clock (message.timestamp.type=LogAppendTime; CreateTime keeps them)")
		}
		if l.Stamped && l.Before != math.MaxInt64 {
			warn = append(warn, fmt.Sprintf("refuses results older than %s (message.timestamp.before.max.ms=%d)", span(l.Before), l.Before))
		}
		if l.Stamped && l.After != math.MaxInt64 {
			text := fmt.Sprintf("refuses results more than %s ahead of the clock (message.timestamp.after.max.ms=%d)", span(l.After), l.After)
			if l.After < kafkaAfter {
				warn = append(warn, text)
			} else {
				info = append(info, text)
			}
		}
		if 0 < l.MaxBytes && l.MaxBytes < largest {
			warn = append(warn, fmt.Sprintf("takes smaller messages than input %s does (max.message.bytes=%d, not %d)", from, l.MaxBytes, largest))
		}
		if l.Compacted {
			info = append(info, "refuses results without key (cleanup.policy has compact)")
		}
		if l.Retention > 0 {
			info = append(info, fmt.Sprintf("deletes results whose time is more than %s ago (retention.ms=%d; -1 keeps them)", span(l.Retention), l.Retention))
		}
		if len(warn) > 0 {
			log.Warn("output topic "+strings.Join(append(warn, info...), "; "), "topic", topic)
		} else if len(info) > 0 {
			log.Info("output topic "+strings.Join(info, "; "), "topic", topic)
		}
	}
}

func span(ms int64) string {
	const day = int64(24 * time.Hour / time.Millisecond)
	if ms >= 2*day {
		return strconv.FormatInt(ms/day, 10) + " days"
	}
	return (time.Duration(ms) * time.Millisecond).String()
}
