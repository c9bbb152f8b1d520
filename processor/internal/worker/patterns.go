package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/assign"
)

// The topics of patterns come and go while the application runs; docs/adr/0037-topic-patterns.md
// says what comes of it. A session runs one plan, with the topics that were known when it began.
// When there are more, it subscribes to them, and tells the leader of the group so by joining
// again; when the leader has dealt them out, a new session runs the tasks with them. When topics
// are gone, a new session runs them without.

// subs are the sub-topologies of a plan with the topics that they read.
func (s *session) subs(plan *flow.Plan) []assign.Sub {
	subs := make([]assign.Sub, 0, len(plan.SubTopologies))
	for _, sub := range plan.SubTopologies {
		as := assign.Sub{Name: sub.Name}
		for _, in := range sub.Inputs {
			as.Topics = append(as.Topics, s.cfg.View.Real(in.Topic, in.Repartition))
		}
		subs = append(subs, as)
	}
	return subs
}

// sources are the topics that the group reads in a plan, sorted.
func (s *session) sources(plan *flow.Plan) (topics []string) {
	for _, sub := range s.subs(plan) {
		topics = append(topics, sub.Topics...)
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

// follow takes in which topics the patterns have found by now.
func (s *session) follow() error {
	plan := s.cfg.View.Plan()
	before, now := s.topics, s.sources(plan)
	gone := slices.DeleteFunc(slices.Clone(before), func(t string) bool { return slices.Contains(now, t) })
	if len(gone) > 0 {
		if s.tempo.dirty() {
			if err := s.commit(); err != nil {
				return err
			}
		}
		return &errReset{err: fmt.Errorf("topics are gone: %s", strings.Join(gone, ", ")), meant: true}
	}
	more := slices.DeleteFunc(now, func(t string) bool { return slices.Contains(before, t) })
	if len(more) > 0 {
		s.balancer.SetSubs(s.subs(plan))
		s.cl.AddConsumeTopics(more...)
		s.topics = s.sources(plan)
	}
	return nil
}

// look asks the brokers whether there are other topics, for a leader of the group that lacks some.
func (s *session) look(ctx context.Context) {
	if more, err := s.cfg.View.Look(ctx); err != nil {
		s.log.Debug("looking for topics", "err", err)
	} else if !more {
		s.log.Debug("another member reads topics that this one does not find")
	}
}

// found reports whether a pattern has found the topic.
func (s *session) found(topic string) bool {
	return slices.ContainsFunc(s.cfg.Plan.SubTopologies, func(sub *flow.SubTopology) bool {
		return slices.ContainsFunc(sub.Inputs, func(in flow.Input) bool { return in.Topic == topic && in.Of != "" })
	})
}

// gone takes note that the brokers do not know a topic that a pattern has found.
func (s *session) gone(topic string) error {
	s.log.Debug("a topic of a pattern is not there", "topic", topic)
	s.errands.run(s.look)
	return nil
}

// unknown returns a topic that this session's plan does not have.
func (s *session) unknown(added map[string][]int32) string {
	known := s.sources(s.cfg.Plan)
	for topic := range added {
		if _, ok := slices.BinarySearch(known, topic); !ok {
			return topic
		}
	}
	return ""
}
