package flow

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Partitions returns the number of partitions of every repartition topic, by short name, given
// those of the other input topics. ok of count is false for a topic that does not exist. have,
// which may be nil, knows the repartition topics that exist already, by short name: where the
// topology asks for no number they keep theirs, for keys must not move when an input grows.
//
// The error joins all that does not fit: topics that do not exist, and topics that have to be
// co-partitioned and are not, with the position of the node that demands it.
func (p *Plan) Partitions(count, have func(topic string) (n int32, ok bool)) (map[string]int32, error) {
	var errs []error
	counts := make(map[string]int32) // by topic; 0 if not known yet
	internal := make(map[string]*Repartition)
	for i := range p.Repartitions {
		r := &p.Repartitions[i]
		internal[r.Name] = r
		counts[r.Name] = r.Partitions
		if r.Partitions == 0 && have != nil {
			counts[r.Name], _ = have(r.Name)
		}
	}
	for _, s := range p.SubTopologies {
		for _, in := range s.Inputs {
			if in.Repartition {
				continue
			}
			n, ok := count(in.Topic)
			if !ok {
				errs = append(errs, fmt.Errorf("input topic %s does not exist: create it, or correct the name", in.Topic))
				continue
			}
			counts[in.Topic] = n
		}
	}
	if len(errs) != 0 {
		return nil, errors.Join(errs...)
	}
	for changed := true; changed; {
		changed = p.meet(counts)
		for _, r := range p.Repartitions {
			if counts[r.Name] != 0 {
				continue
			}
			if n := p.largestInput(r.Writers, counts); n != 0 && !p.waits(r.Name, counts) {
				counts[r.Name] = n
				changed = true
			}
		}
		if !changed {
			changed = p.largestOfGroups(counts)
		}
	}
	for _, c := range p.CoPartitioned {
		fits := true
		said := make([]string, len(c.Topics))
		for i, topic := range c.Topics {
			fits = fits && counts[topic] == counts[c.Topics[0]]
			kind := "topic"
			if internal[topic] != nil {
				kind = "repartition topic"
			}
			said[i] = fmt.Sprintf("%s %s has %d", kind, topic, counts[topic])
		}
		if !fits {
			errs = append(errs, fmt.Errorf("%s: %s brings together records of topics with different numbers of partitions: %s. Give them the same number, or put Repartition with Partitions before one of them",
				c.Pos, c.Node, strings.Join(said, ", ")))
		}
	}
	for topic := range counts {
		if internal[topic] == nil {
			delete(counts, topic)
		}
	}
	return counts, errors.Join(errs...)
}

// meet gives topics without a number that of a topic they are co-partitioned with.
func (p *Plan) meet(counts map[string]int32) (changed bool) {
	for _, c := range p.CoPartitioned {
		for _, from := range c.Topics {
			for _, to := range c.Topics {
				if counts[from] != 0 && counts[to] == 0 {
					counts[to] = counts[from]
					changed = true
				}
			}
		}
	}
	return changed
}

// waits reports whether a topic is co-partitioned with others, so that its writers alone do not
// decide.
func (p *Plan) waits(topic string, counts map[string]int32) bool {
	return slices.ContainsFunc(p.CoPartitioned, func(c CoPartition) bool { return slices.Contains(c.Topics, topic) })
}

// largestOfGroups decides for the first group of repartition topics of which none has a number: the
// largest input of all their writers.
func (p *Plan) largestOfGroups(counts map[string]int32) (changed bool) {
	for _, c := range p.CoPartitioned {
		n := int32(0)
		known := true
		for _, topic := range c.Topics {
			for _, r := range p.Repartitions {
				if r.Name == topic && counts[topic] == 0 {
					largest := p.largestInput(r.Writers, counts)
					known = known && largest != 0
					n = max(n, largest)
				}
			}
		}
		if known && n != 0 {
			for _, topic := range c.Topics {
				if counts[topic] == 0 {
					counts[topic] = n
					changed = true
				}
			}
		}
		if changed {
			return true
		}
	}
	return false
}

// largestInput returns the largest number of partitions that an input of the writers has; 0 if one
// is not known yet.
func (p *Plan) largestInput(writers []Writer, counts map[string]int32) int32 {
	n := int32(0)
	for _, w := range writers {
		s, _ := p.SubTopology(w.SubTopology)
		for _, in := range s.Inputs {
			if counts[in.Topic] == 0 {
				return 0
			}
			n = max(n, counts[in.Topic])
		}
	}
	return n
}
