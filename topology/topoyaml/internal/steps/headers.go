package steps

import (
	"context"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

func setHeaders() step {
	block := &yamlfile.Block{
		Name: "set-headers", Doc: "Gives records headers: each field is one, with its value. Others stay as they are.",
		Rest: &yamlfile.Field{Name: "(any)", Shape: yamlfile.Expression(), Doc: "the value of the header of that name; what is no text is written as one, and `nil` removes the header"},
	}
	return step{
		Field: yamlfile.Field{Name: "set-headers", Shape: yamlfile.One(block), Doc: "gives records headers"},
		build: ofRecords(func(b *builder, f *flow, in stream, e *yamlfile.Entry) {
			if len(e.Mapping.Entries) == 0 {
				b.r.Fail(e.Pos, "set-headers needs a header at least, such as source: \"'sensor'\"")
				f.dead = true
			}
			all := make(newHeaders, len(e.Mapping.Entries))
			for i, h := range e.Mapping.Entries {
				all[i] = newHeader{h.Name, b.expression(h.Node, f.scope())}
			}
			f.at = made(b.call(f, e.Pos), func() stream {
				return stream{b.t.ForFiles(door.Key{}).SetHeaders(in.Stream, all.of)}
			})
		}),
	}
}

// newHeaders are headers that records are given.
type newHeaders []newHeader

type newHeader struct {
	name string
	of   *expression.Program
}

// of returns the headers of a record.
func (n newHeaders) of(_ context.Context, r *record) ([]topology.Header, error) {
	headers := make([]topology.Header, 0, len(r.Headers)+len(n))
	for _, h := range r.Headers {
		if !n.sets(h.Key) {
			headers = append(headers, h)
		}
	}
	in := inputsOf(r)
	for _, h := range n {
		v, err := h.of.Eval(&in)
		switch {
		case err != nil:
			return nil, err
		case v == nil:
			continue
		}
		data, ok := v.([]byte)
		if !ok {
			text, err := value.Text(v)
			if err != nil {
				return nil, h.of.Fail(err)
			}
			data = []byte(text)
		}
		headers = append(headers, topology.Header{Key: h.name, Value: data})
	}
	return headers, nil
}

// sets reports whether a header of that name is given.
func (n newHeaders) sets(name string) bool {
	for i := range n {
		if n[i].name == name {
			return true
		}
	}
	return false
}
