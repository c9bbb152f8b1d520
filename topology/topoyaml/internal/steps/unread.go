package steps

import (
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// unread reports sources and chains whose records nobody reads: the file does less than it says.
func (b *builder) unread(streams []*definition) {
	for _, s := range b.sources {
		if !b.read[s.Name] {
			b.r.Fail(s.pos, "nothing reads the source %q: start a stream from it, join it, or remove it", s.Name)
		}
	}
	for _, d := range streams {
		b.ends(d.stream, "stream")
	}
}

// ends checks the end of a chain of steps: a stream's or a branch's.
func (b *builder) ends(m *yamlfile.Mapping, what string) {
	pos, name := m.Pos, m.Text("name")
	if e := m.Get("steps"); e != nil && len(e.Mappings) > 0 {
		for _, m := range e.Mappings {
			if len(m.Entries) > 0 && b.grammar.steps[m.Entries[0].Name].aside {
				for _, branch := range b.grammar.within(&m.Entries[0]) {
					b.ends(branch, "branch")
				}
			}
		}
		end := e.Mappings[len(e.Mappings)-1]
		pos = end.Pos
		if last := &end.Entries[0]; b.grammar.steps[last.Name].last {
			for _, branch := range b.grammar.within(last) {
				b.ends(branch, "branch")
			}
			return
		}
	}
	if name != "" && b.read[name] {
		return
	}
	if name != "" {
		what += " " + name
	}
	b.r.Fail(pos, "the %s ends here, and nothing reads its records: write them with to, start another stream from it, or say discard: true if that is meant", what)
}
