package yamlfile

import (
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Mapping is a block as it stands in the file. Its fields are those of the table, each once; a
// field that is wrong is left out.
type Mapping struct {
	Pos     Position
	block   *Block
	Entries []Entry
	names   []string // of all fields, those that are wrong too
}

// Entry is one field of a mapping.
type Entry struct {
	Name string
	Pos  Position // of the name
	Node *yaml.Node

	Mapping  *Mapping   // shapeBlock
	Mappings []*Mapping // shapeBlocks, shapeNamed
	Names    []Entry    // shapeNamed: name and position
}

// Get returns the field, or nil. A nil mapping has no fields.
func (m *Mapping) Get(name string) *Entry {
	if m == nil {
		return nil
	}
	for i := range m.Entries {
		if m.Entries[i].Name == name {
			return &m.Entries[i]
		}
	}
	return nil
}

// Has reports whether the field is there, right or wrong.
func (m *Mapping) Has(name string) bool { return m != nil && slices.Contains(m.names, name) }

// At is where a complaint about a field belongs: its value, or the mapping.
func (m *Mapping) At(name string) Position {
	if e := m.Get(name); e != nil {
		return At(e.Node)
	}
	return m.Pos
}

func (m *Mapping) Text(name string) string {
	if e := m.Get(name); e != nil {
		return e.Node.Value
	}
	return ""
}

// Texts returns the texts of a field that is a text or a list of them.
func (m *Mapping) Texts(name string) (texts []string) {
	e := m.Get(name)
	if e == nil {
		return nil
	}
	if e.Node.Value != "" {
		texts = []string{e.Node.Value}
	}
	for _, c := range e.Node.Content {
		texts = append(texts, c.Value)
	}
	return texts
}

func (m *Mapping) Flag(name string) bool {
	b, _ := strconv.ParseBool(m.Text(name))
	return b
}
