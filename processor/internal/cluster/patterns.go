package cluster

import (
	"context"
	"errors"
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
			names = readable(details)
			return err
		}); err != nil {
			return err
		}
		matched, err := v.match(names)
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

// readable returns the topics that a pattern may match: those that the brokers can tell of.
func readable(details kadm.TopicDetails) (names []string) {
	for name, d := range details {
		if d.Err == nil && len(d.Partitions) > 0 && !d.IsInternal {
			names = append(names, name)
		}
	}
	return names
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

// match returns the topics of each pattern. A topic that two of them match is an error.
func (v *View) match(topics []string) (map[string][]string, error) {
	matched, errs := v.plan.Match(v.app, topics)
	var all []error
	for _, topic := range slices.Sorted(maps.Keys(errs)) {
		all = append(all, errs[topic])
	}
	return matched, errors.Join(all...)
}

// lookTopics takes in which topics the patterns match now: those that are new join in if they may,
// those that are gone leave.
func (v *View) lookTopics(ctx context.Context, details kadm.TopicDetails) (changed bool, err error) {
	if v.options.Bounded || len(v.plan.Patterns()) == 0 {
		return false, nil // a bounded run reads what was there when it was begun
	}
	matched, errs := v.plan.Match(v.app, readable(details))
	read := topicsOf(v.Plan())
	var news []report.Growth
	defer func() { // what has joined before an error has
		if changed {
			v.now.Store(v.plan.With(read))
			v.resize()
		}
		for _, g := range news {
			v.tell(g)
		}
	}()
	for _, topic := range slices.Sorted(maps.Keys(errs)) {
		news = v.refuse(news, report.Growth{Topic: topic, Partitions: int32(len(details[topic].Partitions)), Refused: errs[topic]})
	}
	for _, in := range v.plan.Patterns() {
		sub := v.reader(in.Topic)
		for _, topic := range slices.Clone(read[in.Topic]) {
			if !v.gone(details, topic) {
				continue
			}
			if len(read[in.Topic]) == 1 && !slices.ContainsFunc(matched[in.Topic], func(t string) bool { return t != topic }) {
				continue // the last one: there would be no tasks; it goes when another has come
			}
			read[in.Topic] = slices.DeleteFunc(read[in.Topic], func(t string) bool { return t == topic })
			news = append(news, report.Growth{SubTopology: sub, Topic: topic, Before: v.Partitions(topic)})
			changed = true
		}
		for _, topic := range matched[in.Topic] {
			if slices.Contains(read[in.Topic], topic) {
				continue
			}
			g := report.Growth{SubTopology: sub, Topic: topic, Partitions: int32(len(details[topic].Partitions))}
			with := maps.Clone(read)
			with[in.Topic] = slices.Sorted(slices.Values(append(slices.Clone(read[in.Topic]), topic)))
			if g.Refused, err = v.join(ctx, with, g); err != nil {
				return changed, err
			}
			if g.Refused != nil {
				news = v.refuse(news, g)
				continue
			}
			v.learn(kadm.TopicDetails{topic: details[topic]})
			v.forgive(func(t string) bool { return t == topic })
			read = with
			changed = true
			news = append(news, g)
		}
	}
	v.forgive(func(topic string) bool { _, there := details[topic]; return !there })
	return changed, nil
}

// gone reports whether a topic is there no more: another has its name, or the brokers say so the
// second time in a row. One of them may not know yet what the others do.
func (v *View) gone(details kadm.TopicDetails, topic string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	d, there := details[topic]
	switch {
	case there && d.Err == nil && [16]byte(d.ID) != v.topics[topic].ID:
		return true
	case there:
		delete(v.missing, topic)
		return false
	}
	v.missing[topic]++
	return v.missing[topic] > 1
}

// resize counts the tasks of the sub-topologies that read patterns.
func (v *View) resize() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, sub := range v.Plan().SubTopologies {
		if !sub.Found() {
			continue
		}
		n := int32(0)
		for _, in := range sub.Inputs {
			n = max(n, v.topics[v.Real(in.Topic, in.Repartition)].Partitions)
		}
		v.tasks[sub.Name], v.most[sub.Name] = n, max(n, v.most[sub.Name])
	}
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
	v.mu.RLock()
	tasks := max(v.tasks[sub.Name], v.most[sub.Name])
	v.mu.RUnlock()
	if g.Partitions <= tasks {
		return nil, nil
	}
	if keyed(sub) {
		return fmt.Errorf("topic %s is not read, though a pattern matches it: it has %d partitions, and the state of sub-topology %s was made for %d. It is read with Repartition between the pattern and what has state", g.Topic, g.Partitions, sub.Name, tasks), nil
	}
	return nil, v.growInternal(ctx, sub.Name, g.Partitions)
}

// refuse notes that a topic is not read. It adds that to news if it has not been told.
func (v *View) refuse(news []report.Growth, g report.Growth) []report.Growth {
	v.mu.Lock()
	defer v.mu.Unlock()
	if before, told := v.refused[g.Topic]; told && before.Partitions == g.Partitions {
		return news
	}
	v.refused[g.Topic] = g
	return append(news, g)
}

// forgive forgets that topics are not read which are gone, or have joined in.
func (v *View) forgive(gone func(topic string) bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	maps.DeleteFunc(v.refused, func(topic string, g report.Growth) bool { return g.Before == 0 && gone(topic) })
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
	matched, err := v.match(topics)
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
	clear(v.most)
	v.mu.Unlock()
	_, err = v.size()
	return true, err
}

// matches reports whether a pattern of the plan matches a topic.
func (v *View) matches(topic string) bool {
	matched, _ := v.plan.Match(v.app, []string{topic})
	return len(matched) > 0
}
