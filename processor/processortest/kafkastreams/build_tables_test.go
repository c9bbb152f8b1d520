package kafkastreams

import (
	"fmt"

	"github.com/kolkstream/kolk/topology"
)

// tables builds what leads from streams to tables and back.
func (b *builder) tables(in *built, n node) (*built, error) {
	if n.Op == "toStream" {
		return b.toStream(in, n)
	}
	name := b.store(n)
	table := b.byKey(in).ToTable(name).EachUpdate()
	b.stored[n.Store] = texts(name)
	return &built{table: &table}, nil
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

// ofTable builds an operator on a table.
func (b *builder) ofTable(in *built, n node) (*built, error) {
	return nil, unsaid("%s of a table", n.Op)
}
