package yamlfile

// Block is a mapping with known fields. Files are read by blocks, and the JSON Schema and the
// tables of the documentation are made of them.
type Block struct {
	Name string
	Doc  string
	// Short is the field that a plain text (instead of a mapping) stands for.
	Short string
	// Texts are what such a text may be; nil: anything that the field may be.
	Texts  []string
	Fields []Field
	// Rest is what fields of other names hold, if they are allowed.
	Rest *Field
	// One: exactly one of these fields must be there.
	One []string
}

// Field is one field of a block.
type Field struct {
	Name     string
	Shape    Shape
	Doc      string
	Required bool
}

func (b *Block) field(name string) *Field {
	for i := range b.Fields {
		if b.Fields[i].Name == name {
			return &b.Fields[i]
		}
	}
	return b.Rest
}

func (b *Block) names() []string {
	names := make([]string, len(b.Fields))
	for i, f := range b.Fields {
		names[i] = f.Name
	}
	return names
}

// alternatives reports whether a field is what the block is, not what it has.
func (b *Block) alternatives() bool { return len(b.One) > 0 && len(b.One) == len(b.Fields) }

// Blocks returns the blocks of a file, each once: the file's own first, then those of its fields,
// and so on.
func Blocks(file *Block) []*Block {
	blocks := []*Block{file}
	seen := map[*Block]bool{file: true}
	for i := 0; i < len(blocks); i++ {
		for _, f := range blocks[i].Fields {
			if of := f.Shape.of; of != nil && !seen[of] {
				seen[of] = true
				blocks = append(blocks, of)
			}
		}
	}
	return blocks
}
