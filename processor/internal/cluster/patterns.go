package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/kolkstream/kolk/internal/backoff"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/report"
)

// resolve finds the topics of the plan's patterns. An unbounded application waits until each
// pattern has one.
func (v *View) resolve(ctx context.Context, adm *kadm.Client) error {
	v.now.Store(v.plan)
	if len(v.plan.Patterns()) == 0 {
		return nil
	}
	for pause, told := backoff.New(100*time.Millisecond, 3*time.Second), false; ; {
		var names []string
		if err := Wait(ctx, v.options.Logger, "the brokers", func(ctx context.Context) (err error) {
			if v.options.Bounded {
				if names, err = openTopics(ctx, adm, v.app); err != nil || names != nil {
					return err
				}
			}
			details, err := adm.ListTopics(ctx)
			names = details.Names()
			return err
		}); err != nil {
			return err
		}
		matched, err := v.plan.Match(v.app, names)
		if err != nil {
			return err
		}
		var none []string
		for _, in := range v.plan.Patterns() {
			if len(matched[in.Topic]) == 0 {
				none = append(none, fmt.Sprintf("/%s/ (%s)", flow.PatternText(in.Pattern), in.Topic))
			}
		}
		switch {
		case len(none) == 0:
			v.now.Store(v.plan.With(matched))
			for _, name := range slices.Sorted(maps.Keys(matched)) {
				v.options.Logger.Info("the topics of a pattern", "pattern", name, "topics", strings.Join(matched[name], " "))
			}
			return nil
		case v.options.Bounded:
			return &report.NoTopicsError{Patterns: none}
		case !told:
			v.options.Logger.Warn("waiting for a topic: nothing matches", "patterns", strings.Join(none, " "))
			told = true
		}
		if err := pause.Wait(ctx); err != nil {
			return fmt.Errorf("waiting for a topic that matches %s: %w", strings.Join(none, ", "), err)
		}
	}
}

// topicsOf returns the topics of each pattern of a plan.
func topicsOf(plan *flow.Plan) map[string][]string {
	all := map[string][]string{}
	for _, sub := range plan.SubTopologies {
		for _, in := range sub.Inputs {
			if in.Of != "" {
				all[in.Of] = append(all[in.Of], in.Topic)
			}
		}
	}
	return all
}

// lookTopics takes in which topics the patterns match now: those that are new join in if they may,
// those that are gone leave.
func (v *View) lookTopics(ctx context.Context, details kadm.TopicDetails) (changed bool, err error) {
	if len(v.plan.Patterns()) == 0 {
		return false, nil
	}
	var names []string
	for name, d := range details {
		if d.Err == nil && len(d.Partitions) > 0 && !d.IsInternal {
			names = append(names, name)
		}
	}
	matched, err := v.plan.Match(v.app, names)
	if err != nil {
		return false, err
	}
	read := topicsOf(v.Plan())
	var news []report.Growth
	for _, in := range v.plan.Patterns() {
		for _, topic := range slices.Clone(read[in.Topic]) {
			if d, there := details[topic]; there && (d.Err != nil || [16]byte(d.ID) == v.TopicID(topic)) {
				continue
			}
			if len(read[in.Topic]) == 1 && !slices.ContainsFunc(matched[in.Topic], func(t string) bool { return t != topic }) {
				continue // the last one: there would be no tasks; it goes when another has come
			}
			read[in.Topic] = slices.DeleteFunc(read[in.Topic], func(t string) bool { return t == topic })
			news = append(news, report.Growth{SubTopology: v.reader(in.Topic), Topic: topic, Before: v.Partitions(topic)})
			changed = true
		}
		for _, topic := range matched[in.Topic] {
			if slices.Contains(read[in.Topic], topic) {
				continue
			}
			g := report.Growth{SubTopology: v.reader(in.Topic), Topic: topic, Partitions: int32(len(details[topic].Partitions))}
			with := maps.Clone(read)
			with[in.Topic] = slices.Sorted(slices.Values(append(slices.Clone(read[in.Topic]), topic)))
			if g.Refused, err = v.join(ctx, with, g); err != nil {
				return changed, err
			}
			if g.Refused != nil {
				if before, told := v.Refused(topic); !told || before.Partitions != g.Partitions {
					v.refuse(g)
					news = append(news, g)
				}
				continue
			}
			v.learn(kadm.TopicDetails{topic: details[topic]})
			read = with
			changed = true
			news = append(news, g)
		}
	}
	if changed {
		v.now.Store(v.plan.With(read))
	}
	for _, g := range news {
		v.tell(g)
	}
	return changed, nil
}

// join makes room for a topic of a pattern, and says why it cannot be read if it cannot.
func (v *View) join(ctx context.Context, topics map[string][]string, g report.Growth) (refused, err error) {
	plan := v.plan.With(topics)
	count := func(repartition bool) func(string) (int32, bool) {
		return func(topic string) (int32, bool) {
			if topic == g.Topic && !repartition {
				return g.Partitions, true
			}
			n := v.Partitions(v.Real(topic, repartition))
			return n, n > 0
		}
	}
	if _, err := plan.Partitions(count(false), count(true)); err != nil {
		return fmt.Errorf("topic %s is not read, though a pattern matches it: %w. It is read with Repartition between the pattern and what has state", g.Topic, err), nil
	}
	sub, _ := plan.SubTopology(g.SubTopology)
	tasks := v.Tasks(sub.Name)
	if g.Partitions <= tasks {
		return nil, nil
	}
	if keyed(sub) {
		return fmt.Errorf("topic %s is not read, though a pattern matches it: it has %d partitions, and the state of sub-topology %s was made for %d. It is read with Repartition between the pattern and what has state", g.Topic, g.Partitions, sub.Name, tasks), nil
	}
	if err := v.growInternal(ctx, sub.Name, g.Partitions); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tasks[sub.Name] = g.Partitions
	return nil, nil
}

func (v *View) refuse(g report.Growth) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refused[g.Topic] = g
}

func (v *View) tell(g report.Growth) {
	if v.options.Grown != nil {
		v.options.Grown(g)
	}
}

// reader returns the sub-topology that reads a pattern.
func (v *View) reader(pattern string) string {
	for _, sub := range v.plan.SubTopologies {
		for _, in := range sub.Inputs {
			if in.Pattern != nil && in.Topic == pattern {
				return sub.Name
			}
		}
	}
	return ""
}

// Settle makes the topics of the patterns those of a bounded run, and reports whether that changes
// anything.
func (v *View) Settle(ctx context.Context, topics []string) (changed bool, err error) {
	if len(v.plan.Patterns()) == 0 {
		return false, nil
	}
	v.looking.Lock()
	defer v.looking.Unlock()
	matched, err := v.plan.Match(v.app, topics)
	if err != nil {
		return false, err
	}
	if maps.EqualFunc(matched, topicsOf(v.Plan()), slices.Equal[[]string]) {
		return false, nil
	}
	details, err := kadm.NewClient(v.cl).ListTopics(ctx, topics...)
	if err != nil {
		return false, fmt.Errorf("the topics of the bounded run: %w", err)
	}
	v.learn(details)
	v.now.Store(v.plan.With(matched))
	v.mu.Lock()
	clear(v.tasks)
	v.mu.Unlock()
	_, err = v.size()
	return true, err
}

// matches reports whether a pattern of the plan matches a topic.
func (v *View) matches(topic string) bool {
	matched, err := v.plan.Match(v.app, []string{topic})
	return err == nil && len(matched) > 0
}
