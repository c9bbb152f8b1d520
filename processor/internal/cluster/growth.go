package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/report"
)

// keyed reports whether sub keeps anything by key: then a partition more moves keys away from their
// state. The store of its time belongs to the task, not to keys.
func keyed(sub *flow.SubTopology) bool {
	return slices.ContainsFunc(sub.Stores, func(s flow.StoreSpec) bool { return s.Name != sub.TimeStore })
}

// Look asks the brokers whether inputs have got more partitions. Those of a sub-topology without
// state become tasks; those of others are refused, and what lies in them is not read. It tells
// [Options.Grown] of each growth once, and reports whether there are new tasks. It is safe for
// concurrent use.
//
// Topics that patterns match join in, and leave when they are gone. Of the others, one that is gone
// or was made anew is left to those who read it.
func (v *View) Look(ctx context.Context) (more bool, err error) {
	v.looking.Lock()
	defer v.looking.Unlock()
	var names []string
	for _, sub := range v.Plan().SubTopologies {
		for _, in := range sub.Inputs {
			if !in.Repartition {
				names = append(names, in.Topic)
			}
		}
	}
	if len(names) == 0 && len(v.plan.Patterns()) == 0 {
		return false, nil
	}
	adm := kadm.NewClient(v.cl)
	if len(v.plan.Patterns()) > 0 {
		names = nil // all topics
	}
	details, err := adm.ListTopicsWithInternal(ctx, names...)
	if err != nil {
		return false, fmt.Errorf("look for new partitions: %w", err)
	}
	if more, err = v.lookTopics(ctx, details); err != nil {
		return more, err
	}
	v.mu.Lock()
	v.asked++
	v.mu.Unlock()
	for _, sub := range v.Plan().SubTopologies {
		grown, err := v.grow(ctx, sub, details)
		if err != nil {
			return more, err
		}
		for _, g := range grown {
			more = more || g.Refused == nil
			if v.options.Grown != nil {
				v.options.Grown(g)
			}
		}
	}
	return more, nil
}

// grow takes in what has grown of the inputs of sub.
func (v *View) grow(ctx context.Context, sub *flow.SubTopology, details kadm.TopicDetails) (grown []report.Growth, err error) {
	tasks := v.Tasks(sub.Name)
	for _, in := range sub.Inputs {
		d, ok := details[in.Topic]
		if in.Repartition || !ok || d.Err != nil || [16]byte(d.ID) != v.TopicID(in.Topic) {
			continue
		}
		n, before := int32(len(d.Partitions)), v.Partitions(in.Topic)
		if r, ok := v.Refused(in.Topic); n > before && (!ok || n > r.Partitions) {
			grown = append(grown, report.Growth{SubTopology: sub.Name, Topic: in.Topic, Partitions: n, Before: before})
			tasks = max(tasks, n)
		}
	}
	if len(grown) == 0 {
		return nil, nil
	}
	if keyed(sub) {
		for i := range grown {
			g := &grown[i]
			g.Refused = fmt.Errorf("input topic %s has %d partitions now, and had %d: sub-topology %s has state, and keys that move to other partitions would leave theirs behind. "+
				"The new partitions are not read; tasks go on as long as the keys of their records are where they were. Process the input again under a new application id, with Repartition in front of what has state, which lets inputs grow", g.Topic, g.Partitions, g.Before, sub.Name)
		}
	} else if err := v.growInternal(ctx, sub.Name, tasks); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, g := range grown {
		if g.Refused != nil {
			v.refused[g.Topic] = g
			continue
		}
		t := v.topics[g.Topic]
		t.Partitions = g.Partitions
		v.topics[g.Topic] = t
		v.tasks[sub.Name], v.most[sub.Name] = tasks, max(tasks, v.most[sub.Name])
	}
	return grown, nil
}

// growInternal makes the changelog of a sub-topology's time as large as the number of its tasks.
func (v *View) growInternal(ctx context.Context, sub string, tasks int32) error {
	repartitions := map[string]int32{}
	for _, r := range v.Plan().Repartitions {
		repartitions[r.Name] = v.Partitions(v.Real(r.Name, true))
	}
	return v.internalTopics(ctx, repartitions, func(name string) int32 {
		if name == sub {
			return tasks
		}
		return v.Tasks(name)
	})
}

// Refused returns how a topic has grown whose new partitions are not read.
func (v *View) Refused(topic string) (g report.Growth, ok bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	g, ok = v.refused[topic]
	return g, ok
}

// AllRefused returns all of them, by topic.
func (v *View) AllRefused() (all []report.Growth) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, topic := range slices.Sorted(maps.Keys(v.refused)) {
		all = append(all, v.refused[topic])
	}
	return all
}
