package processortest

import (
	"fmt"
	"slices"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/task"
)

// need makes sure that there is a topic. One that a pattern matches joins in, as it does in an
// application that runs: what is to be committed is committed, and tasks begin anew with it.
func (d *Driver) need(topic string) {
	d.t.Helper()
	if d.cluster.Partitions(topic) > 0 {
		return
	}
	if matched, errs := d.declared.Match(d.declared.Name, []string{topic}); len(matched)+len(errs) == 0 {
		d.t.Fatalf("processortest: the plan has no topic %q", topic)
	}
	if len(d.tasks) > 0 {
		d.Commit()
	}
	topics := []string{topic}
	for _, sub := range d.plan.SubTopologies {
		for _, in := range sub.Inputs {
			if in.Of != "" {
				topics = append(topics, in.Topic)
			}
		}
	}
	if err := d.found(topics); err != nil {
		d.t.Fatalf("processortest: topic %s joins in: %v", topic, err)
	}
}

// found makes the topics those of the patterns, and starts the tasks. Nothing runs before each
// pattern has a topic.
func (d *Driver) found(topics []string) error {
	matched, errs := d.declared.Match(d.declared.Name, topics)
	for _, err := range errs {
		return err
	}
	for _, found := range matched {
		for _, topic := range found {
			d.cluster.create(topic, d.size(topic))
		}
	}
	d.plan = d.declared.With(matched)
	if len(matched) < len(d.declared.Patterns()) {
		return nil
	}
	if err := d.grows(); err != nil {
		return err
	}
	if err := d.cluster.fit(d.plan); err != nil {
		return err
	}
	for _, r := range d.tasks {
		r.sub, _ = d.plan.SubTopology(r.sub.Name)
		if err := r.reopen(closed); err != nil {
			return err
		}
	}
	var all []*running // in the order of the plan's sub-topologies
	for _, sub := range d.plan.SubTopologies {
		for p := range d.cluster.tasks[sub.Name] {
			i := slices.IndexFunc(d.tasks, func(r *running) bool { return r.id() == task.ID{Sub: sub.Name, Partition: p} })
			if i >= 0 {
				all = append(all, d.tasks[i])
				continue
			}
			r := &running{d: d, sub: sub, partition: p, start: map[string]task.Start{}}
			r.out.cluster, r.out.ends = d.cluster, map[place]int64{}
			all = append(all, r)
			if err := r.open(false); err != nil {
				return err
			}
		}
	}
	d.tasks = all
	return d.settle(true)
}

// grows refuses topics that would make more tasks of a sub-topology that has state.
func (d *Driver) grows() error {
	if len(d.tasks) == 0 {
		return nil
	}
	for _, sub := range d.plan.SubTopologies {
		for _, in := range sub.Inputs {
			n, tasks := d.cluster.Partitions(in.Topic), d.cluster.tasks[sub.Name]
			if in.Of == "" || n <= tasks || !slices.ContainsFunc(sub.Stores, func(s flow.StoreSpec) bool { return s.Name != sub.TimeStore }) {
				continue
			}
			return fmt.Errorf("it has %d partitions, and the state of sub-topology %s was made for %d. It is read with Repartition between the pattern and what has state", n, sub.Name, tasks)
		}
	}
	return nil
}
