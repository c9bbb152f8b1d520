package kafkastreams

import (
	"errors"
	"fmt"

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
	rows     *topology.GroupedTable[string, string] // of pairs
	co       *coGroup
	coWindow *topology.Windows
	// window has what the windows of windowed are.
	window node
}

// isTable reports whether a node is a table, with windows or without.
func (in *built) isTable() bool {
	return in.table != nil || in.counts != nil || in.results != nil || in.totals != nil
}

// builder builds a case with the DSL.
type builder struct {
	t     *topology.Topology
	c     testCase
	nodes map[string]*built
	// stored has how a store of the case is read, by its name there; those that are not in it are
	// not compared.
	stored map[string]stored
	// clocks says that the topology has the time of Kafka Streams.
	clocks bool
	// nulls are the groups of which windows are aggregated, where records without value come: there
	// Kafka Streams counts them.
	nulls map[string]bool
	n     int
	// unsaid is set at run time, where a function of the case returns null and the DSL's
	// function cannot.
	unsaid bool
}

// errUnsaid says that the DSL has no words for a case.
var errUnsaid = errors.New("cannot be said")

func unsaid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUnsaid, fmt.Sprintf(format, args...))
}

func build(c testCase, opts ...topology.Option) (*builder, *topology.Plan, error) {
	b := &builder{
		t: topology.New("case", opts...), c: c, nodes: make(map[string]*built), stored: make(map[string]stored),
		clocks: len(opts) != 0, nulls: make(map[string]bool),
	}
	for _, n := range c.Topology {
		if n.Op == "windowedBy" && n.Type != "sliding" && c.hasNulls() {
			b.nulls[n.In[0]] = true
		}
	}
	for _, n := range c.Topology {
		if n.Op == "cogroup" && b.nulls[n.ID] {
			for _, group := range n.In {
				b.nulls[group] = true
			}
		}
	}
	for _, n := range c.Topology {
		var in *built
		if len(n.In) > 0 {
			in = b.nodes[n.In[0]]
		}
		made, err := b.node(in, n)
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

// node builds a node with the DSL. Each family has its nodes in a file of its own.
func (b *builder) node(in *built, n node) (*built, error) {
	if n.Op == "fkJoin" {
		return b.joinForeign(in, n)
	}
	if n.Op == "suppress" {
		return b.suppress(in, n), nil
	}
	if in != nil && in.isTable() && n.Op != "toStream" {
		return b.ofTable(in, n)
	}
	switch n.Op {
	case "stream", "table", "globalTable":
		return b.source(n)
	case "filter", "filterNot", "map", "selectKey", "mapValues", "flatMapValues", "flatMap", "peek", "split", "merge", "repartition", "to":
		return b.stateless(in, n)
	case "toTable", "toStream":
		return b.tables(in, n)
	case "groupByKey", "groupBy":
		return b.group(in, n)
	case "cogroup":
		return b.coGroup(n)
	case "windowedBy":
		return b.windows(in, n)
	case "count", "reduce", "aggregate":
		if in.co != nil {
			return b.aggregateTogether(in, n), nil
		}
		if in.rows != nil {
			return b.aggregateRows(in, n), nil
		}
		return b.aggregate(in, n)
	case "streamTableJoin", "streamGlobalJoin":
		return b.joins(in, n)
	case "streamJoin":
		return b.streamJoin(in, n)
	case "process":
		return b.process(in, n)
	}
	return nil, unsaid("%s", n.Op)
}

// name makes a name for a node that has none.
func (b *builder) name(kind string) string {
	b.n++
	return fmt.Sprintf("%s-%d", kind, b.n)
}

// store is the name of a node's store.
func (b *builder) store(n node) string {
	if n.Store != "" {
		return n.Store
	}
	return b.name(n.Op)
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
		b.unsaid = true
		return ""
	}
	return *s
}

// opt is a text as the DSL has one that may be missing.
func opt(s text) topology.Opt[string] {
	if s == nil {
		return topology.None[string]()
	}
	return topology.Some(*s)
}

// null is the inverse of opt.
func null(o topology.Opt[string]) text {
	if !o.OK {
		return nil
	}
	return &o.Value
}

func (in *built) same(s stream) *built { return &built{stream: s, rekeyed: in.rekeyed} }

func rekeyed(s stream) *built { return &built{stream: s, rekeyed: true} }

// byKey is a stream whose equal keys lie in one partition.
func (b *builder) byKey(in *built) stream {
	if !in.rekeyed {
		return in.stream
	}
	return in.stream.Repartition(b.name("by-key"))
}

// byKeyOrNone is byKey for the side of a join that lets records through which have no key. A
// partitioner says where they belong; here all topics have one partition.
func (b *builder) byKeyOrNone(in *built) stream {
	if !in.rekeyed {
		return in.stream
	}
	return in.stream.WithPartitioner(func(*record, int32) int32 { return 0 }).Repartition(b.name("by-key")).MarkPartitioned()
}
