package topoyaml

// shape is what a field of a file may hold.
type shape uint8

const (
	shapeText       shape = iota
	shapeTexts            // a text or a list of texts
	shapeExpression       // an expression
	shapeTemplate         // an expression, or an object of templates, or a list of them
	shapeColumn           // a call of an aggregate function
	shapeFlag             // true or false
	shapeNumber           // a whole number from 1
	shapeDuration
	shapeSerde
	shapeEnum
	shapeSchema // names and types
	shapeBlock  // one of fieldDef.block
	shapeBlocks // a list of them
	shapeNamed  // a mapping from names to them
)

// fieldDef is one field of a block. The tables below are all there is: what is accepted, the JSON Schema and the tables in
// docs/yaml.md come from them.
type fieldDef struct {
	name     string
	shape    shape
	doc      string
	required bool
	block    *block
	enum     []string
}

// block is a mapping with known fields.
type block struct {
	name string
	doc  string
	// short is the field that a plain text (instead of a mapping) stands for.
	short string
	// texts are what such a text may be; nil: anything that the field may be.
	texts  []string
	fields []fieldDef
	// rest is what fields of other names hold, if they are allowed.
	rest *fieldDef
	// one: exactly one of these fields must be there.
	one []string
}

func (b *block) field(name string) *fieldDef {
	for i := range b.fields {
		if b.fields[i].name == name {
			return &b.fields[i]
		}
	}
	return b.rest
}

func (b *block) names() []string {
	names := make([]string, len(b.fields))
	for i, f := range b.fields {
		names[i] = f.name
	}
	return names
}

// grammar is the blocks of a file, the file itself first.
type grammar struct {
	file   *block
	blocks []*block // in the order of the documentation
}

// newGrammar makes the tables. (Steps contain branches, which contain steps: a literal could not say that.)
func newGrammar() *grammar {
	source := sourceBlock()
	step := &block{name: "step", doc: "One thing that happens to the records of a stream: exactly one of these."}
	branch := &block{
		name: "branch",
		doc:  "Where the records for which a condition holds go; the first branch whose condition holds takes them.",
		fields: []fieldDef{
			{name: "name", shape: shapeText, required: true, doc: "name of the branch; other streams may start `from` it"},
			{name: "when", shape: shapeExpression, doc: "condition; a branch without one, the last, takes the rest"},
			{name: "steps", shape: shapeBlocks, block: step, doc: "what happens to these records"},
		},
	}
	steps := stepBlocks(branch)
	step.fields = steps
	for _, s := range steps {
		step.one = append(step.one, s.name)
	}
	stream := &block{
		name: "stream",
		doc:  "A chain of steps.",
		fields: []fieldDef{
			{name: "name", shape: shapeText, doc: "a name, for other streams that start `from` it or join it"},
			{name: "from", shape: shapeTexts, required: true, doc: "a source, a named stream or a branch; of several, the records are merged"},
			{name: "steps", shape: shapeBlocks, block: step, doc: "what happens to each record, in order"},
		},
	}
	file := &block{
		name: "file",
		doc:  "The whole file.",
		fields: []fieldDef{
			{name: "name", shape: shapeText, required: true, doc: "name of the application: prefix of its internal topics, and its consumer group"},
			{name: "sources", shape: shapeNamed, block: source, required: true, doc: "the topics that are read, by a name of your choice"},
			{name: "streams", shape: shapeBlocks, block: stream, required: true, doc: "what happens to their records"},
		},
	}
	g := &grammar{file: file, blocks: []*block{file, source, stream, step}}
	for _, s := range steps {
		if s.block != nil {
			g.blocks = append(g.blocks, s.block)
		}
	}
	g.blocks = append(g.blocks, branch)
	return g
}

func sourceBlock() *block {
	return &block{
		name: "source",
		doc:  "A topic that is read, as a stream, a table or a global table: exactly one of these three.",
		one:  []string{"stream", "table", "global"},
		fields: []fieldDef{
			{name: "stream", shape: shapeTexts, doc: "topic, or several, of which each message is a record"},
			{name: "table", shape: shapeText, doc: "topic of which the latest message of a key counts; each task keeps its partition"},
			{name: "global", shape: shapeText, doc: "like table, but each process keeps all of it, so any record can be joined with it"},
			{name: "key", shape: shapeSerde, doc: "serde of the keys; default string"},
			{name: "value", shape: shapeSerde, doc: "serde of the values; default json"},
			{name: "schema", shape: shapeSchema, doc: "fields of the values and their types: with it, names and types in expressions are checked"},
			{name: "time", shape: shapeExpression, doc: "the time of a record, in milliseconds, from its `value`; or `wall-clock`. Default: the message's timestamp"},
			{name: "timeless", shape: shapeFlag, doc: "true: the topic carries no time. Its records are taken as they come, whatever their timestamps, and nothing waits for them; a bounded run reads them first"},
			{name: "max-future", shape: shapeDuration, doc: "a record that is further ahead of the clock, in a bounded run of the topic's other partitions, is an error of that record; default: any is taken"},
			{name: "key-from", shape: shapeExpression, doc: "the key that `kolk dev` gives a row of a data file, from its `value`"},
		},
	}
}

// stepBlocks returns the steps, as the fields of the step block.
func stepBlocks(branch *block) []fieldDef {
	serde := fieldDef{name: "serde", shape: shapeSerde, doc: "serde of the new key; default: by the expression's type, string if that is not known"}
	selectKey := &block{
		name: "select-key", doc: "Gives records a new key.", short: "key",
		fields: []fieldDef{{name: "key", shape: shapeExpression, required: true, doc: "the new key"}, serde},
	}
	mapBlock := &block{
		name: "map", doc: "Gives records a new key and a new value.",
		fields: []fieldDef{
			{name: "key", shape: shapeExpression, required: true, doc: "the new key"},
			{name: "value", shape: shapeTemplate, required: true, doc: "the new value"}, serde,
		},
	}
	repartition := &block{
		name: "repartition", doc: "Sends records through a topic, so that records of a key meet in one task.", short: "name",
		fields: []fieldDef{
			{name: "name", shape: shapeText, required: true, doc: "name of the topic, to which the application's is added"},
			{name: "partitions", shape: shapeNumber, doc: "how many; default: as many as the input has"},
		},
	}
	inOrder := &block{
		name: "in-order", doc: "Hands records on in the order of time, source topic, partition and offset, so that what follows is a function of the input.",
		fields: []fieldDef{
			{name: "name", shape: shapeText, required: true, doc: "name of the state store, which holds the records back"},
			{name: "delay", shape: shapeDuration, required: true, doc: "how much out of order the records of a partition may be; those that are more are late, and dropped"},
		},
	}
	join := &block{
		name: "join", doc: "Looks records up in a table (by their key) or in a global table (by `on`).", one: []string{"table", "global"},
		fields: []fieldDef{
			{name: "name", shape: shapeText, required: true, doc: "name of the step"},
			{name: "table", shape: shapeText, doc: "a table source, or a named stream that ends in a table"},
			{name: "global", shape: shapeText, doc: "a global source"},
			{name: "on", shape: shapeExpression, doc: "the key to look up; with `global` only"},
			{name: "value", shape: shapeTemplate, required: true, doc: "the new value, of `left` (the record's) and `right` (the table's)"},
			{name: "left", shape: shapeFlag, doc: "true: records that find nothing go on, with null as `right`; otherwise they are dropped"},
		},
	}
	group := &block{
		name: "group", doc: "Groups records for an aggregation. The text `by-key` groups them by the key they have.", short: "name", texts: []string{"by-key"},
		fields: []fieldDef{
			{name: "name", shape: shapeText, required: true, doc: "name of the repartition topic"},
			{name: "by", shape: shapeExpression, required: true, doc: "the new key; to group by the key that records have, write `group: by-key`"}, serde,
		},
	}
	window := &block{
		name: "window", doc: "Cuts time into windows, each aggregated on its own.", one: []string{"tumbling", "hopping"},
		fields: []fieldDef{
			{name: "tumbling", shape: shapeDuration, doc: "length of windows that follow each other"},
			{name: "hopping", shape: shapeDuration, doc: "length of windows that overlap"},
			{name: "every", shape: shapeDuration, doc: "the distance of the starts of hopping windows"},
			{name: "grace", shape: shapeDuration, doc: "how long after its end a window takes records that are late; default 0"},
		},
	}
	store := fieldDef{name: "store", shape: shapeText, required: true, doc: "name of the state store"}
	count := &block{name: "count", doc: "Counts the records of each key.", short: "store", fields: []fieldDef{store}}
	reduce := &block{
		name: "reduce", doc: "Combines the values of each key, two at a time.",
		fields: []fieldDef{store, {name: "value", shape: shapeTemplate, required: true, doc: "the new value, of `left` (so far) and `right` (the record's)"}},
	}
	aggregate := &block{
		name: "aggregate", doc: "Computes an object for each key. Every other field is one of the object's: a call of an aggregate function.",
		fields: []fieldDef{store},
		rest:   &fieldDef{name: "(other)", shape: shapeColumn, doc: "a field of the result"},
	}
	result := &block{
		name: "result", doc: "Makes records of the results of windows. Expressions see `key`, `value`, `window.start` and `window.end`.",
		fields: []fieldDef{
			{name: "key", shape: shapeExpression, doc: "the record's key; default: the group's, in which case all windows of a key share it"},
			{name: "value", shape: shapeTemplate, doc: "the record's value; default: the aggregate's"}, serde,
		},
	}
	split := &block{
		name: "split", doc: "Sends each record to the first branch whose condition holds. The last step of its stream.",
		fields: []fieldDef{
			{name: "name", shape: shapeText, required: true, doc: "name of the step"},
			{name: "branches", shape: shapeBlocks, block: branch, required: true, doc: "the branches, in order"},
		},
	}
	to := &block{
		name: "to", doc: "Writes records to a topic. The last step of its stream.", short: "topic",
		fields: []fieldDef{
			{name: "topic", shape: shapeText, required: true, doc: "the topic"},
			{name: "key", shape: shapeSerde, doc: "serde of the keys; default: as they have"},
			{name: "value", shape: shapeSerde, doc: "serde of the values; default: as they have, json after any change"},
		},
	}
	return []fieldDef{
		{name: "filter", shape: shapeExpression, doc: "keeps the records for which the condition is true"},
		{name: "map-values", shape: shapeTemplate, doc: "gives records a new value"},
		{name: "flat-map-values", shape: shapeTemplate, doc: "makes a record of each element of a list"},
		{name: "select-key", shape: shapeBlock, block: selectKey, doc: "gives records a new key"},
		{name: "map", shape: shapeBlock, block: mapBlock, doc: "gives records a new key and value"},
		{name: "process", shape: shapeText, doc: "a function registered in Go: a filter or a mapper"},
		{name: "repartition", shape: shapeBlock, block: repartition, doc: "sends records through a topic"},
		{name: "in-order", shape: shapeBlock, block: inOrder, doc: "hands records on in the order of time"},
		{name: "join", shape: shapeBlock, block: join, doc: "looks records up in a table"},
		{name: "group", shape: shapeBlock, block: group, doc: "groups records for an aggregation"},
		{name: "window", shape: shapeBlock, block: window, doc: "cuts time into windows"},
		{name: "count", shape: shapeBlock, block: count, doc: "counts the records of each key"},
		{name: "reduce", shape: shapeBlock, block: reduce, doc: "combines the values of each key"},
		{name: "aggregate", shape: shapeBlock, block: aggregate, doc: "computes an object for each key"},
		{name: "emit", shape: shapeEnum, enum: []string{"updates", "each-update", "final"}, doc: "when an aggregation shows results: the latest of a key at each commit (default), every one, or (windowed) only the final ones"},
		{name: "result", shape: shapeBlock, block: result, doc: "makes records of the results of windows"},
		{name: "split", shape: shapeBlock, block: split, doc: "sends records to branches"},
		{name: "to", shape: shapeBlock, block: to, doc: "writes records to a topic"},
		{name: "discard", shape: shapeFlag, doc: "true: it is meant that the stream ends here, and nothing reads its records"},
	}
}
