package flow

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Patterns returns the inputs of a plan that stand for all topics that a pattern matches, by name.
func (p *Plan) Patterns() (all []Input) {
	for _, s := range p.SubTopologies {
		for _, in := range s.Inputs {
			if in.Pattern != nil {
				all = append(all, in)
			}
		}
	}
	slices.SortFunc(all, func(a, b Input) int { return strings.Compare(a.Topic, b.Topic) })
	return all
}

// TopicTexts returns the keys and values of a topic as texts, if the plan reads or writes it.
func (p *Plan) TopicTexts(topic string) (Texts, bool) {
	if of, ok := p.Topics[topic]; ok {
		return of, true
	}
	for _, in := range p.Patterns() {
		if in.Pattern.MatchString(topic) {
			of, ok := p.Found[in.Topic]
			return of, ok
		}
	}
	return Texts{}, false
}

// CompilePattern returns the expression of a pattern, which has to match whole names of topics.
func CompilePattern(text string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(text); err != nil {
		return nil, err // of what the user wrote
	}
	return regexp.Compile("^(?:" + text + ")$")
}

// PatternText returns what the user wrote.
func PatternText(r *regexp.Regexp) string {
	return strings.TrimSuffix(strings.TrimPrefix(r.String(), "^(?:"), ")$")
}

// Match returns which of the topics belong to which pattern of the plan, sorted. Topics that are
// internal to the application of that id, and those that begin with "__", belong to none. A topic
// that two patterns match belongs to none either: errs has them, each with an error.
func (p *Plan) Match(app string, topics []string) (matched map[string][]string, errs map[string]error) {
	patterns := p.Patterns()
	matched, errs = make(map[string][]string, len(patterns)), map[string]error{}
	for _, topic := range slices.Sorted(slices.Values(topics)) {
		if internalTopic(app, topic) {
			continue
		}
		var by []string
		for _, in := range patterns {
			if in.Pattern.MatchString(topic) {
				by = append(by, in.Topic)
			}
		}
		switch len(by) {
		case 0:
		case 1:
			matched[by[0]] = append(matched[by[0]], topic)
		default:
			errs[topic] = fmt.Errorf("topic %s matches more than one pattern, those of %s: a topic belongs to one source. Make the patterns differ, or give the topic another name", topic, strings.Join(by, ", "))
		}
	}
	return matched, errs
}

func internalTopic(app, topic string) bool {
	return strings.HasPrefix(topic, "__") ||
		strings.HasPrefix(topic, app+"-") && (strings.HasSuffix(topic, "-changelog") || strings.HasSuffix(topic, "-repartition"))
}

// With returns the plan with the topics that its patterns stand for in their place, by the
// patterns' names. A plan without patterns is returned as it is.
func (p *Plan) With(topics map[string][]string) *Plan {
	if len(p.Patterns()) == 0 {
		return p
	}
	made := *p
	made.SubTopologies = make([]*SubTopology, len(p.SubTopologies))
	for i, s := range p.SubTopologies {
		sub := *s
		sub.Inputs, sub.of = nil, s
		for _, in := range s.Inputs {
			if in.Pattern == nil {
				sub.Inputs = append(sub.Inputs, in)
				continue
			}
			for _, topic := range topics[in.Topic] {
				one := in
				one.Topic, one.Pattern, one.Of = topic, nil, in.Topic
				sub.Inputs = append(sub.Inputs, one)
			}
		}
		slices.SortFunc(sub.Inputs, func(a, b Input) int { return strings.Compare(a.Topic, b.Topic) })
		made.SubTopologies[i] = &sub
	}
	made.CoPartitioned = slices.Clone(p.CoPartitioned)
	patterns := p.Patterns()
	for i := range made.CoPartitioned {
		c := &made.CoPartitioned[i]
		var all []string
		for _, topic := range c.Topics {
			if slices.ContainsFunc(patterns, func(in Input) bool { return in.Topic == topic }) {
				all = append(all, topics[topic]...)
			} else {
				all = append(all, topic)
			}
		}
		c.Topics = slices.Compact(slices.Sorted(slices.Values(all)))
	}
	return &made
}

// Found reports whether the sub-topology reads topics that a pattern has found.
func (s *SubTopology) Found() bool {
	return slices.ContainsFunc(s.Inputs, func(in Input) bool { return in.Of != "" })
}

// Declared returns the sub-topology of the plan that was built, with patterns in the place of
// topics.
func (s *SubTopology) Declared() *SubTopology {
	if s.of == nil {
		return s
	}
	return s.of
}

// Only returns the sub-topology with those inputs of patterns alone that read reports. Other inputs
// stay.
func (s *SubTopology) Only(read func(topic string) bool) *SubTopology {
	left := func(in Input) bool { return in.Of != "" && !read(in.Topic) }
	if !slices.ContainsFunc(s.Inputs, left) {
		return s
	}
	sub := *s
	sub.of = s.Declared()
	sub.Inputs = slices.DeleteFunc(slices.Clone(s.Inputs), left)
	return &sub
}
