package topology

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kolkstream/kolk/internal/flow"
)

// coPartition finds the topics whose records meet by key.
func (p *Plan) coPartition() {
	type use struct {
		topics []string
		last   *planNode
	}
	uses := make(map[*storeDecl]*use)
	var order []*storeDecl
	for _, n := range p.nodes {
		if !n.partitioned {
			continue
		}
		reached := p.topicsOf(n)
		for _, d := range n.stores {
			u := uses[d]
			if u == nil {
				u = new(use)
				uses[d] = u
				order = append(order, d)
			}
			for _, topic := range reached {
				if !slices.Contains(u.topics, topic) {
					u.topics = append(u.topics, topic)
					u.last = n
				}
			}
		}
	}
	for _, d := range order {
		if u := uses[d]; len(u.topics) > 1 || slices.ContainsFunc(u.topics, p.isPattern) {
			slices.Sort(u.topics)
			p.made.CoPartitioned = append(p.made.CoPartitioned, flow.CoPartition{Topics: u.topics, Node: u.last.name, Pos: u.last.at})
		}
	}
	// What another set demands need not be said again.
	all := slices.Clone(p.made.CoPartitioned)
	p.made.CoPartitioned = p.made.CoPartitioned[:0]
	for i, c := range all {
		covered := slices.ContainsFunc(all[i+1:], func(o flow.CoPartition) bool { return covers(o, c) }) ||
			slices.ContainsFunc(p.made.CoPartitioned, func(o flow.CoPartition) bool { return covers(o, c) })
		if !covered {
			p.made.CoPartitioned = append(p.made.CoPartitioned, c)
		}
	}
}

// checkPartitions refuses repartition topics that meet by key and are to have different numbers of
// partitions. What numbers the other topics have is known when the application starts.
func (t *Topology) checkPartitions(p *Plan) {
	for _, c := range p.made.CoPartitioned {
		var said []string
		numbers := make(map[int32]bool)
		for _, r := range p.made.Repartitions {
			if r.Partitions != 0 && slices.Contains(c.Topics, r.Name) {
				said = append(said, fmt.Sprintf("%s has %d", r.Name, r.Partitions))
				numbers[r.Partitions] = true
			}
		}
		if len(numbers) > 1 {
			mistakef(t, c.Pos, c.Node, "it brings together records of repartition topics with different numbers of partitions: %s. Give them the same number", strings.Join(said, ", "))
		}
	}
}

// isPattern reports whether it is the name of a pattern, which stands for several topics.
func (p *Plan) isPattern(topic string) bool {
	return slices.ContainsFunc(p.nodes, func(n *planNode) bool {
		return n.reader != nil && n.reader.pattern != nil && n.reader.topics[0] == topic
	})
}

// covers reports whether a has all topics of b.
func covers(a, b flow.CoPartition) bool {
	return !slices.ContainsFunc(b.Topics, func(t string) bool { return !slices.Contains(a.Topics, t) })
}

// topicsOf returns the topics whose records reach n.
func (p *Plan) topicsOf(n *planNode) []string {
	var topics []string
	seen := make(map[int]bool)
	var visit func(n *planNode)
	visit = func(n *planNode) {
		if seen[n.id] {
			return
		}
		seen[n.id] = true
		topics = append(topics, n.topics()...)
		for _, parent := range n.parents {
			visit(p.nodes[parent.id])
		}
	}
	visit(n)
	return topics
}
