package kafkastreams

import (
	"errors"

	"github.com/kolkstream/kolk/topology"
)

// joinForeign builds a join of two tables by a key that lies in the rows.
func (b *builder) joinForeign(in *built, n node) (*built, error) {
	with := b.nodes[n.In[1]]
	if in.table == nil || with.table == nil {
		return nil, unsaid("a join by a foreign key with what is no table of texts")
	}
	key := func(k, v string) topology.Opt[string] { return opt(function(n.Fk, &k, &v)) }
	joined := func(l, r text) topology.Opt[string] { return opt(join(n.Joiner, nil, l, r)) }
	how := topology.Inner(func(l, r string) topology.Opt[string] { return joined(&l, &r) })
	if n.Type == "left" {
		how = topology.Left(func(l string, r topology.Opt[string]) topology.Opt[string] { return joined(&l, null(r)) })
	}
	rows := in.table.JoinForeignRows(b.name("foreign"), *with.table, key, how, topology.ValueSerde[topology.Opt[string]](nullSerde{})).EachUpdate()
	// What a joiner makes null of is no row.
	store := b.store(n)
	table := nullable(rows.ToStream()).ToTable(store).EachUpdate()
	b.stored[n.Store] = texts(store)
	return &built{table: &table}, nil
}

// nullSerde is the serde of texts that may be null.
type nullSerde struct{}

func (nullSerde) Name() string { return "text or null" }

func (nullSerde) Append(dst []byte, v topology.Opt[string]) ([]byte, error) {
	if !v.OK {
		return append(dst, 0), nil
	}
	return append(append(dst, 1), v.Value...), nil
}

func (nullSerde) Decode(src []byte) (topology.Opt[string], error) {
	switch {
	case len(src) == 0:
		return topology.None[string](), errors.New("no text and no null")
	case src[0] == 0:
		return topology.None[string](), nil
	}
	return topology.Some(string(src[1:])), nil
}
