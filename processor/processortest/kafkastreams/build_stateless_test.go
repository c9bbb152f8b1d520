package kafkastreams

import (
	"slices"
	"strings"
)

// stateless builds an operator on a stream that has no state.
func (b *builder) stateless(in *built, n node) (*built, error) {
	switch n.Op {
	case "filter":
		return in.same(in.stream.FilterRecords(func(r *record) bool { return predicate(n.Pred, key(r), value(r)) })), nil
	case "filterNot":
		return in.same(in.stream.FilterRecords(func(r *record) bool { return !predicate(n.Pred, key(r), value(r)) })), nil
	case "map":
		return rekeyed(in.stream.MapRecords(func(r *record) record {
			return like(r, function(n.KeyFn, key(r), value(r)), function(n.ValueFn, key(r), value(r)))
		})), nil
	case "selectKey":
		return rekeyed(in.stream.MapRecords(func(r *record) record {
			return like(r, function(n.KeyFn, key(r), value(r)), value(r))
		})), nil
	case "mapValues":
		// MapValues neither sees nor makes tombstones.
		if fn, _ := cut(n.Fn); slices.Contains([]string{"value", "upper", "prefix", "suffix", "add", "mod", "length"}, fn) {
			return in.same(in.stream.MapValues(func(v string) string { return b.must(function(n.Fn, nil, &v)) })), nil
		}
		return in.same(in.stream.MapRecords(func(r *record) record { return like(r, key(r), function(n.Fn, key(r), value(r))) }).MarkPartitioned()), nil
	case "flatMapValues":
		if fn, _ := cut(n.Fn); slices.Contains([]string{"split", "splitNonEmpty", "none"}, fn) {
			return in.same(in.stream.FlatMapValues(func(v string) []string {
				var all []string
				for _, v := range flatValues(n.Fn, nil, &v) {
					all = append(all, b.must(v))
				}
				return all
			})), nil
		}
		return in.same(in.stream.FlatMapRecords(func(r *record) []record {
			var all []record
			for _, v := range flatValues(n.Fn, key(r), value(r)) {
				all = append(all, like(r, key(r), v))
			}
			return all
		}).MarkPartitioned()), nil
	case "flatMap":
		return rekeyed(in.stream.FlatMapRecords(func(r *record) []record {
			var all []record
			for _, kv := range flatRecords(n.Fn, key(r), value(r)) {
				all = append(all, like(r, kv[0], kv[1]))
			}
			return all
		})), nil
	case "peek":
		return in.same(in.stream.PeekRecords(func(*record) {})), nil
	case "split":
		return nil, b.split(in, n)
	case "merge":
		other := b.nodes[n.In[1]]
		return &built{stream: in.stream.Merge(other.stream), rekeyed: in.rekeyed || other.rekeyed}, nil
	case "repartition":
		if b.relaxed(n.ID) {
			return &built{stream: b.byKeyOrNone(&built{stream: in.stream, rekeyed: true})}, nil
		}
		return &built{stream: in.stream.Repartition(b.name("repartition"))}, nil
	case "to":
		if n.TopicFn != "" {
			in.stream.ToOneOf(b.name("route"), b.topics(n), func(r *record) string {
				return "out-" + str(function(n.TopicFn, key(r), value(r)))
			})
			return nil, nil
		}
		in.stream.To(n.Topic)
		return nil, nil
	}
	return nil, unsaid("%s", n.Op)
}

// relaxed reports whether Kafka Streams lets records without key through a repartition topic: a
// join that takes them lies behind it.
func (b *builder) relaxed(id string) bool {
	return slices.ContainsFunc(b.c.Topology, func(n node) bool {
		i := slices.Index(n.In, id)
		switch {
		case i < 0:
			return false
		case n.Op == "streamJoin":
			return n.Type == "outer" || n.Type == "left" && i == 0
		case n.Op == "streamTableJoin":
			return n.Type == "left" && i == 0
		case n.Op == "split":
			return b.relaxed(n.Default) || slices.ContainsFunc(n.Branches, func(br struct{ ID, Pred string }) bool { return b.relaxed(br.ID) })
		case slices.Contains([]string{"filter", "filterNot", "mapValues", "flatMapValues", "peek", "merge", "process"}, n.Op):
			return b.relaxed(n.ID)
		}
		return false
	})
}

// topics are those that a to node writes; where a function chooses them, those of the case whose
// names are like its results.
func (b *builder) topics(n node) (topics []string) {
	if n.TopicFn == "" {
		return []string{n.Topic}
	}
	for _, r := range b.c.Expect {
		if strings.HasPrefix(r.Topic, "out-") && !slices.Contains(topics, r.Topic) {
			topics = append(topics, r.Topic)
		}
	}
	return topics
}

func (b *builder) split(in *built, n node) error {
	s := in.stream.Split(b.name("split"))
	// Functions of values do not see tombstones, which then go to all branches.
	values := !b.c.hasNulls() && !slices.ContainsFunc(n.Branches, func(b struct{ ID, Pred string }) bool { return strings.HasPrefix(b.Pred, "key") || b.Pred == "isNull" })
	for _, branch := range n.Branches {
		name := b.name("branch")
		if values {
			b.nodes[branch.ID] = in.same(s.Branch(name, func(v string) bool { return predicate(branch.Pred, nil, &v) }))
			continue
		}
		b.nodes[branch.ID] = in.same(s.BranchRecords(name, func(r *record) bool { return predicate(branch.Pred, key(r), value(r)) }))
	}
	if n.Default != "" {
		b.nodes[n.Default] = in.same(s.Rest())
	}
	return nil
}
