package kafkastreams

import (
	"strings"

	"github.com/kolkstream/kolk/topology"
)

// joins builds a join of a stream with a table.
func (b *builder) joins(in *built, n node) (*built, error) {
	with := b.nodes[n.In[1]]
	if n.Op == "streamGlobalJoin" {
		return b.joinGlobal(in, with, n), nil
	}
	var opts []topology.JoinOption
	if n.GraceMs != nil {
		opts = append(opts, topology.JoinGrace(ms(*n.GraceMs)))
	}
	side := b.byKey
	if n.Type == "left" {
		side = b.byKeyOrNone
	}
	left := withKey(side(in))
	joined := func(pair string, r text) topology.Opt[string] {
		k, v := split(pair)
		return opt(join(n.Joiner, k, &v, r))
	}
	name := b.name("join")
	var out topology.Stream[string, topology.Opt[string]]
	switch {
	case with.counts != nil && n.Type == "left":
		out = left.Join(name, *with.counts, topology.Left(func(v string, r topology.Opt[int64]) topology.Opt[string] {
			if !r.OK {
				return joined(v, nil)
			}
			return joined(v, decimal(r.Value))
		}))
	case with.counts != nil:
		out = left.Join(name, *with.counts, topology.Inner(func(v string, r int64) topology.Opt[string] { return joined(v, decimal(r)) }))
	case with.table == nil:
		return nil, unsaid("a join with what is no table")
	case n.Type == "left":
		out = left.Join(name, *with.table, topology.Left(func(v string, r topology.Opt[string]) topology.Opt[string] { return joined(v, null(r)) }), opts...)
	default:
		out = left.Join(name, *with.table, topology.Inner(func(v, r string) topology.Opt[string] { return joined(v, &r) }), opts...)
	}
	return &built{stream: nullable(out)}, nil
}

// joinGlobal builds a join with a global table.
func (b *builder) joinGlobal(in, with *built, n node) *built {
	keyOf := func(pair string) text {
		k, v := split(pair)
		return function(n.KeyFn, k, &v)
	}
	joined := func(pair string, r text) topology.Opt[string] {
		k, v := split(pair)
		return opt(join(n.Joiner, k, &v, r))
	}
	left := withKey(in.stream)
	name := b.name("join-global")
	found := func(pair string) bool { return keyOf(pair) != nil }
	find := func(pair string) string { return b.must(keyOf(pair)) }
	// A key that is null finds nothing.
	if n.Type != "left" {
		return in.same(nullable(left.Filter(found).
			JoinGlobal(name, *with.global, find, topology.Inner(func(v, r string) topology.Opt[string] { return joined(v, &r) }))))
	}
	known := left.Filter(found).
		JoinGlobal(name, *with.global, find, topology.Left(func(v string, r topology.Opt[string]) topology.Opt[string] { return joined(v, null(r)) }))
	// Records without value are no business of a join.
	unknown := left.FilterRecords(func(r *record) bool { return !r.NoValue && !found(r.Value) }).
		MapValues(func(v string) topology.Opt[string] { return joined(v, nil) })
	return in.same(nullable(known.Merge(unknown)))
}

// withKey puts keys into the values, for joiners that look at them.
func withKey(s stream) stream {
	return s.MapValuesRecords(func(r *record) string {
		if r.NoKey {
			return "\x00" + r.Value
		}
		return "k" + strings.ReplaceAll(r.Key, "\x00", "\x00\x01") + "\x00\x00" + r.Value
	})
}

func split(pair string) (k text, v string) {
	if rest, ok := strings.CutPrefix(pair, "\x00"); ok {
		return nil, rest
	}
	name, v, _ := strings.Cut(pair[1:], "\x00\x00")
	return some(strings.ReplaceAll(name, "\x00\x01", "\x00")), v
}

// nullable makes records without value of those that have none: what a joiner has returned.
func nullable(s topology.Stream[string, topology.Opt[string]]) stream {
	return s.MapRecords(func(r *topology.Record[string, topology.Opt[string]]) record {
		out := r.With("", "")
		out.Key, out.NoKey = r.Key, r.NoKey
		out.Value, out.NoValue = r.Value.Value, r.NoValue || !r.Value.OK
		return out
	}).MarkPartitioned()
}
