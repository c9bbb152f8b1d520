package yamlfile

// shape is what a field of a file may hold.
type shape uint8

const (
	ShapeText       shape = iota
	ShapeTexts            // a text or a list of texts
	ShapeExpression       // an expression
	ShapeTemplate         // an expression, or an object of templates, or a list of them
	ShapeColumn           // a call of an aggregate function
	ShapeFlag             // true or false
	ShapeNumber           // a whole number from 1
	ShapeDuration
	ShapeSerde
	ShapeEnum
	ShapeSchema // names and types
	ShapeBlock  // one of fieldDef.block
	ShapeBlocks // a list of them
	ShapeNamed  // a mapping from names to them
)

// Field is one field of a block. The tables below are all there is: what is accepted, the JSON Schema and the tables in
// docs/yaml.md come from them.
type Field struct {
	Name     string
	Shape    shape
	Doc      string
	Required bool
	Block    *Block
	Enum     []string
}

// Block is a mapping with known fields.
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
	// one: exactly one of these fields must be there.
	One []string
}

func (b *Block) Field(name string) *Field {
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
