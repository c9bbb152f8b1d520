package steps

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/suggest"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// flow builds what a definition stands for, once, and what it depends on before it.
func (b *builder) flow(d *definition) *flow {
	if d.flowed != nil {
		return d.flowed
	}
	switch {
	case d.source != nil:
		d.flowed = b.start(d.source)
		return d.flowed
	case d.parent != nil:
		b.flow(d.parent) // which builds its branches
		if d.flowed == nil {
			d.flowed = deadFlow()
		}
		return d.flowed
	}
	d.state = building
	b.path = append(b.path, d)
	f := b.from(d.stream)
	if e := d.stream.Get("steps"); e != nil {
		b.chain(f, e.Mappings)
	}
	b.path = b.path[:len(b.path)-1]
	d.state, d.flowed = finished, f
	return f
}

// from is the start of a stream: one flow, or several merged.
func (b *builder) from(m *yamlfile.Mapping) *flow {
	e := m.Get("from")
	if e == nil {
		return deadFlow()
	}
	nodes := e.Node.Content
	if e.Node.Kind == yaml.ScalarNode {
		nodes = []*yaml.Node{e.Node}
	}
	var merged *flow
	for _, n := range nodes {
		f := *b.named(n) // a copy: the named one stays as it is
		if merged == nil {
			merged = &f
			continue
		}
		b.merge(merged, &f, n)
	}
	return merged
}

func (b *builder) merge(into, f *flow, n *yaml.Node) {
	left := b.records(into, yamlfile.At(n), "a merge")
	right := b.records(f, yamlfile.At(n), "a merge")
	if into.keySerde != f.keySerde || into.valueSerde != f.valueSerde {
		b.r.Fail(yamlfile.At(n), "streams that are merged need the same serdes; %s has keys of %s and values of %s, those before it %s and %s",
			n.Value, f.keySerde, f.valueSerde, into.keySerde, into.valueSerde)
		into.dead = true
	}
	into.dead = into.dead || f.dead
	into.key, into.value = value.Common(into.key, f.key), value.Common(into.value, f.value)
	into.at = made(b.call(into, yamlfile.At(n)), func() stream { return stream{left.Merge(right.Stream)} })
}

// named is the flow that a name in the file stands for.
func (b *builder) named(n *yaml.Node) *flow {
	b.read[n.Value] = true
	if b.r.Unknown[n.Value] {
		return deadFlow() // what is wrong with it has been said
	}
	d, ok := b.names[n.Value]
	if !ok {
		b.r.Fail(yamlfile.At(n), "there is no source or stream %q%s", n.Value, suggest.For(n.Value, b.order))
		return deadFlow()
	}
	if d.source != nil && d.source.Kind == GlobalSource {
		b.r.Fail(yamlfile.At(n), "%q is a global table, which is joined, not read; declare the topic as a stream or a table to read it", n.Value)
		return deadFlow()
	}
	if b.cycle(d, n) {
		return deadFlow()
	}
	f := b.flow(d)
	return f
}

// cycle reports whether building d would need d.
func (b *builder) cycle(d *definition, n *yaml.Node) bool {
	start := d
	if d.parent != nil && d.flowed == nil {
		start = d.parent
	}
	if start.state != building {
		return false
	}
	// Each one reads from the next.
	var chain []string
	for i := slices.Index(b.path, start); i < len(b.path); i++ {
		chain = append(chain, b.nameOf(b.path[i]))
	}
	chain = append(chain, n.Value)
	if start != d {
		chain = append(chain, b.nameOf(start))
	}
	b.r.Fail(yamlfile.At(n), "the streams form a cycle: %s; one of them must start from a source", strings.Join(chain, " <- "))
	return true
}

func (b *builder) nameOf(d *definition) string {
	if d.source != nil {
		return d.source.Name
	}
	if n := d.stream.Text("name"); n != "" {
		return n
	}
	return "(" + d.stream.Text("from") + ")"
}
