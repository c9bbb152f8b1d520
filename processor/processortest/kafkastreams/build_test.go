package kafkastreams

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

type (
	stream = topology.Stream[string, string]
	record = topology.Record[string, string]
)

// built is what a node of a case has become.
type built struct {
	stream stream
	// rekeyed: Kafka Streams puts a repartition topic before what goes by the key; the DSL wants it
	// said.
	rekeyed  bool
	grouped  *topology.Grouped[string, string]
	windowed *topology.WindowedGroup[string, string]
	final    bool
	table    *topology.Table[string, string]
	counts   *topology.Table[string, int64]
	results  *topology.WindowedTable[string, string]
	totals   *topology.WindowedTable[string, int64]
	global   *topology.GlobalTable[string, string]
}

// builder builds a case with the DSL.
type builder struct {
	t     *topology.Topology
	nodes map[string]*built
	// stores are the names of the tables' stores by those of the case.
	stores map[string]string
	// counted are the groups of which windows are aggregated: there Kafka Streams counts records
	// without value.
	counted map[string]bool
	n       int
	// inexpressible is set at run time, where a function of the case returns null and the DSL's
	// function cannot.
	inexpressible bool
}

// errInexpressible says that the DSL has no words for a case.
var errInexpressible = errors.New("cannot be said")

func build(c testCase) (*builder, *topology.Plan, error) {
	b := &builder{t: topology.New("case"), nodes: make(map[string]*built), stores: make(map[string]string), counted: make(map[string]bool)}
	tombstones := slices.ContainsFunc(c.Steps, func(s step) bool { return s.Value == nil })
	for _, n := range c.Topology {
		if n.Op == "windowedBy" && tombstones {
			b.counted[n.In[0]] = true
		}
	}
	for _, n := range c.Topology {
		made, err := b.node(n)
		if err != nil {
			return nil, nil, err
		}
		if n.ID != "" {
			b.nodes[n.ID] = made
		}
	}
	plan, err := b.t.Build()
	return b, plan, err
}

// name makes a name for a node that has none.
func (b *builder) name(kind string) string {
	b.n++
	return fmt.Sprintf("%s-%d", kind, b.n)
}

func (b *builder) store(n node) string {
	name := n.Store
	if name == "" {
		name = b.name(n.Op)
	}
	b.stores[n.Store] = name
	return name
}

func key(r *record) text {
	if r.NoKey {
		return nil
	}
	return &r.Key
}

func value(r *record) text {
	if r.NoValue {
		return nil
	}
	return &r.Value
}

// like is a record like r with another key and value.
func like(r *record, k, v text) record {
	out := r.With("", "")
	if out.NoKey = k == nil; k != nil {
		out.Key = *k
	}
	if out.NoValue = v == nil; v != nil {
		out.Value = *v
	}
	return out
}

// must is a function's result where the DSL has no null.
func (b *builder) must(s text) string {
	if s == nil {
		b.inexpressible = true
		return ""
	}
	return *s
}

func (b *builder) node(n node) (*built, error) {
	var in *built
	if len(n.In) > 0 {
		in = b.nodes[n.In[0]]
	}
	str := serde.String()
	switch n.Op {
	case "stream":
		opts, err := b.timestamps(n.TimestampExtractor)
		if err != nil {
			return nil, err
		}
		topics := n.Topics
		if n.Topic != "" {
			topics = []string{n.Topic}
		}
		return &built{stream: b.t.StreamTopics(topics, str, str, opts...)}, nil
	case "table":
		opts, err := b.timestamps(n.TimestampExtractor)
		if err != nil {
			return nil, err
		}
		table := b.t.Table(n.Topic, str, str, opts...).EachUpdate()
		b.stores[n.Store] = n.Topic
		return &built{table: &table}, nil
	case "globalTable":
		table := b.t.GlobalTable(n.Topic, str, str)
		return &built{global: &table}, nil
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
		return in.same(in.stream.MapRecords(func(r *record) record { return like(r, key(r), function(n.Fn, key(r), value(r))) })), nil
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
		})), nil
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
		return &built{stream: in.stream.Repartition(b.name("repartition"))}, nil
	case "to":
		in.stream.To(n.Topic)
		return nil, nil
	case "toTable":
		table := b.byKey(in).ToTable(b.store(n)).EachUpdate()
		return &built{table: &table}, nil
	case "toStream":
		return b.toStream(in, n)
	case "process":
		return b.process(in, n)
	case "groupByKey":
		if b.counted[n.ID] {
			in = rekeyed(in.stream.MapRecords(func(r *record) record { return like(r, key(r), some(visible(value(r)))) }))
		}
		g := b.byKey(in).GroupByKey()
		return &built{grouped: &g}, nil
	case "groupBy":
		// A function of GroupBy has no null to return: Kafka Streams drops the records for which it
		// is.
		var s stream
		if !b.counted[n.ID] {
			s = in.stream.FilterRecords(func(r *record) bool { return r.NoValue || function(n.KeyFn, key(r), value(r)) != nil })
		} else {
			s = in.stream.FilterRecords(func(r *record) bool { return function(n.KeyFn, key(r), value(r)) != nil }).
				MapRecords(func(r *record) record { return like(r, key(r), some(visible(value(r)))) })
		}
		g := s.GroupByRecords(b.name("group"), func(r *record) string { return b.must(function(n.KeyFn, key(r), seen(r.Value))) })
		return &built{grouped: &g}, nil
	case "windowedBy":
		w := topology.Tumbling(ms(n.SizeMs))
		if n.Type == "hopping" {
			w = topology.Hopping(ms(n.SizeMs), ms(n.AdvanceMs))
		}
		g := in.grouped.Window(w.Grace(ms(n.GraceMs)))
		return &built{windowed: &g, final: n.Emit == "onWindowClose"}, nil
	case "count", "reduce", "aggregate":
		return b.aggregate(in, n), nil
	case "streamTableJoin":
		return b.join(in, b.nodes[n.In[1]], n)
	case "streamGlobalJoin":
		return b.joinGlobal(in, b.nodes[n.In[1]], n), nil
	}
	return nil, fmt.Errorf("%w: %s", errInexpressible, n.Op)
}

// null is a value that stands for none.
const null = "\xffnull"

func visible(v text) string {
	if v == nil {
		return null
	}
	return *v
}

func seen(v string) text {
	if v == null {
		return nil
	}
	return &v
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func (in *built) same(s stream) *built { return &built{stream: s, rekeyed: in.rekeyed} }

func rekeyed(s stream) *built { return &built{stream: s, rekeyed: true} }

// byKey is a stream whose equal keys lie in one partition.
func (b *builder) byKey(in *built) stream {
	if !in.rekeyed {
		return in.stream
	}
	return in.stream.Repartition(b.name("by-key"))
}

// skipsTimes reports whether records with a negative timestamp are left out with that extractor:
// here that is the error policy.
func skipsTimes(extractor string) bool {
	name, _ := cut(extractor)
	return name == "logAndSkip" || name == "value"
}

// timestamps are the options for a timestamp extractor.
func (b *builder) timestamps(extractor string) ([]topology.SourceOption[string], error) {
	name, arg := cut(extractor)
	switch name {
	case "", "failOnInvalid", "logAndSkip":
		return nil, nil
	case "value":
		return []topology.SourceOption[string]{topology.TimeFromRecord(func(r *topology.Record[[]byte, string]) time.Time {
			n, ok := number(field(&r.Value, arg))
			if r.NoValue || !ok {
				b.inexpressible = true // the time of the partition
			}
			return time.UnixMilli(n)
		})}, nil
	}
	return nil, fmt.Errorf("%w: timestamp extractor %s", errInexpressible, name)
}

func (b *builder) split(in *built, n node) error {
	s := in.stream.Split(b.name("split"))
	for _, branch := range n.Branches {
		if strings.HasPrefix(branch.Pred, "key") || branch.Pred == "isNull" {
			return fmt.Errorf("%w: a branch by %s", errInexpressible, branch.Pred)
		}
		b.nodes[branch.ID] = in.same(s.Branch(b.name("branch"), func(v string) bool { return predicate(branch.Pred, nil, &v) }))
	}
	if n.Default != "" {
		b.nodes[n.Default] = in.same(s.Rest())
	}
	return nil
}

func (b *builder) toStream(in *built, n node) (*built, error) {
	name := func(w topology.Window, k string) string {
		if n.Key == "key" {
			return k
		}
		return fmt.Sprintf("%s@%d/%d", k, w.Start, w.End)
	}
	count := func(n int64) string { return *decimal(n) }
	switch {
	case in.table != nil:
		return &built{stream: in.table.ToStream()}, nil
	case in.counts != nil:
		return &built{stream: in.counts.ToStream().MapValues(count)}, nil
	case in.results != nil:
		return rekeyed(in.results.Stream(name)), nil
	}
	return rekeyed(in.totals.Stream(name).MapValues(count)), nil
}

func (b *builder) aggregate(in *built, n node) *built {
	store := b.store(n)
	if n.Op == "count" {
		if in.grouped != nil {
			t := in.grouped.Count(store).EachUpdate()
			return &built{counts: &t}
		}
		t := in.windowed.Count(store)
		return &built{totals: emit(in, t)}
	}
	// Without value is what no record has been added to yet; a function that returns none deletes.
	opt := func(s text) topology.Opt[string] {
		if s == nil {
			return topology.None[string]()
		}
		return topology.Some(*s)
	}
	add := func(a topology.Opt[string], v string) topology.Opt[string] {
		switch {
		case n.Op == "reduce" && !a.OK:
			return opt(seen(v))
		case n.Op == "reduce":
			return opt(reduce(n.Reducer, &a.Value, seen(v)))
		case !a.OK:
			return opt(aggregate(n.Aggregator, nil, seen(v), n.Init))
		}
		return opt(aggregate(n.Aggregator, nil, seen(v), &a.Value))
	}
	// These see the key, or show that the accumulator is the first value; they cannot delete.
	addRecord := func(a string, r *record) string {
		before := &a
		if a == "" {
			before = n.Init
		}
		return b.must(aggregate(n.Aggregator, key(r), seen(r.Value), before))
	}
	combine := func(a, v string) string { return b.must(reduce(n.Reducer, &a, &v)) }
	reduces := n.Op == "reduce" && !strings.HasPrefix(n.Reducer, "nullWhen") && len(b.counted) == 0
	switch withKey := n.Aggregator == "withKey"; {
	case in.grouped != nil && withKey:
		t := in.grouped.AggregateRecords(store, topology.Fold(addRecord)).EachUpdate()
		return &built{table: &t}
	case in.grouped != nil && reduces:
		t := in.grouped.Reduce(store, combine).EachUpdate()
		return &built{table: &t}
	case in.grouped != nil:
		t := in.grouped.AggregateWith(store, topology.FoldOpt(add)).EachUpdate()
		return &built{table: &t}
	case withKey:
		return &built{results: emit(in, in.windowed.AggregateRecords(store, topology.Fold(addRecord)))}
	case reduces:
		return &built{results: emit(in, in.windowed.Reduce(store, combine))}
	}
	return &built{results: emit(in, in.windowed.AggregateWith(store, topology.FoldOpt(add)))}
}

func emit[V any](in *built, t topology.WindowedTable[string, V]) *topology.WindowedTable[string, V] {
	if in.final {
		t = t.Final()
	} else {
		t = t.EachUpdate()
	}
	return &t
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

func (b *builder) join(in, with *built, n node) (*built, error) {
	left := withKey(b.byKey(in))
	joined := func(pair string, r text) string {
		k, v := split(pair)
		return b.must(join(n.Joiner, k, &v, r))
	}
	name := b.name("join")
	switch {
	case with.counts != nil && n.Type == "left":
		return &built{stream: left.Join(name, *with.counts, topology.Left(func(v string, r topology.Opt[int64]) string {
			if !r.OK {
				return joined(v, nil)
			}
			return joined(v, decimal(r.Value))
		}))}, nil
	case with.counts != nil:
		return &built{stream: left.Join(name, *with.counts, topology.Inner(func(v string, r int64) string { return joined(v, decimal(r)) }))}, nil
	case with.table == nil:
		return nil, fmt.Errorf("%w: a join with what is no table", errInexpressible)
	case n.Type == "left":
		return &built{stream: left.Join(name, *with.table, topology.Left(func(v string, r topology.Opt[string]) string {
			if !r.OK {
				return joined(v, nil)
			}
			return joined(v, &r.Value)
		}))}, nil
	}
	return &built{stream: left.Join(name, *with.table, topology.Inner(func(v, r string) string { return joined(v, &r) }))}, nil
}

func (b *builder) joinGlobal(in, with *built, n node) *built {
	keyOf := func(pair string) text {
		k, v := split(pair)
		return function(n.KeyFn, k, &v)
	}
	joined := func(pair string, r text) string {
		k, v := split(pair)
		return b.must(join(n.Joiner, k, &v, r))
	}
	left := withKey(in.stream)
	name := b.name("join-global")
	find := func(pair string) string { return b.must(keyOf(pair)) }
	if n.Type == "left" {
		return in.same(left.JoinGlobal(name, *with.global, find, topology.Left(func(v string, r topology.Opt[string]) string {
			if !r.OK {
				return joined(v, nil)
			}
			return joined(v, &r.Value)
		})))
	}
	// A key that is null finds nothing.
	return in.same(left.Filter(func(pair string) bool { return keyOf(pair) != nil }).
		JoinGlobal(name, *with.global, find, topology.Inner(func(v, r string) string { return joined(v, &r) })))
}
