package steps

import (
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// grammar is the blocks of a file, the file itself first.
type grammar struct {
	file   *yamlfile.Block
	Blocks []*yamlfile.Block // in the order of the documentation
}

// NewGrammar makes the tables. (Steps contain branches, which contain steps: a literal could not say that.)
func NewGrammar() *grammar {
	source := sourceBlock()
	step := &yamlfile.Block{Name: "step", Doc: "One thing that happens to the records of a stream: exactly one of these."}
	branch := &yamlfile.Block{
		Name: "branch",
		Doc:  "Where the records for which a condition holds go; the first branch whose condition holds takes them.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.ShapeText, Required: true, Doc: "name of the branch; other streams may start `from` it"},
			{Name: "when", Shape: yamlfile.ShapeExpression, Doc: "condition; a branch without one, the last, takes the rest"},
			{Name: "steps", Shape: yamlfile.ShapeBlocks, Block: step, Doc: "what happens to these records"},
		},
	}
	steps := stepBlocks(branch)
	step.Fields = steps
	for _, s := range steps {
		step.One = append(step.One, s.Name)
	}
	stream := &yamlfile.Block{
		Name: "stream",
		Doc:  "A chain of steps.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.ShapeText, Doc: "a name, for other streams that start `from` it or join it"},
			{Name: "from", Shape: yamlfile.ShapeTexts, Required: true, Doc: "a source, a named stream or a branch; of several, the records are merged"},
			{Name: "steps", Shape: yamlfile.ShapeBlocks, Block: step, Doc: "what happens to each record, in order"},
		},
	}
	file := &yamlfile.Block{
		Name: "file",
		Doc:  "The whole file.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.ShapeText, Required: true, Doc: "name of the application: prefix of its internal topics, and its consumer group"},
			{Name: "sources", Shape: yamlfile.ShapeNamed, Block: source, Required: true, Doc: "the topics that are read, by a name of your choice"},
			{Name: "streams", Shape: yamlfile.ShapeBlocks, Block: stream, Required: true, Doc: "what happens to their records"},
		},
	}
	g := &grammar{file: file, Blocks: []*yamlfile.Block{file, source, stream, step}}
	for _, s := range steps {
		if s.Block != nil {
			g.Blocks = append(g.Blocks, s.Block)
		}
	}
	g.Blocks = append(g.Blocks, branch)
	return g
}

func sourceBlock() *yamlfile.Block {
	return &yamlfile.Block{
		Name: "source",
		Doc:  "A topic that is read, as a stream, a table or a global table: exactly one of these three.",
		One:  []string{"stream", "table", "global"},
		Fields: []yamlfile.Field{
			{Name: "stream", Shape: yamlfile.ShapeTexts, Doc: "topic, or several, of which each message is a record"},
			{Name: "table", Shape: yamlfile.ShapeText, Doc: "topic of which the latest message of a key counts; each task keeps its partition"},
			{Name: "global", Shape: yamlfile.ShapeText, Doc: "like table, but each process keeps all of it, so any record can be joined with it"},
			{Name: "key", Shape: yamlfile.ShapeSerde, Doc: "serde of the keys; default string"},
			{Name: "value", Shape: yamlfile.ShapeSerde, Doc: "serde of the values; default json"},
			{Name: "schema", Shape: yamlfile.ShapeSchema, Doc: "fields of the values and their types: with it, names and types in expressions are checked"},
			{Name: "time", Shape: yamlfile.ShapeExpression, Doc: "the time of a record, in milliseconds, from its `value`; or `wall-clock`. Default: the message's timestamp"},
			{Name: "timeless", Shape: yamlfile.ShapeFlag, Doc: "true: the topic carries no time. Its records are taken as they come, whatever their timestamps, and nothing waits for them; a bounded run reads them first"},
			{Name: "max-future", Shape: yamlfile.ShapeDuration, Doc: "a record that is further ahead of the clock, in a bounded run of the topic's other partitions, is an error of that record; default: any is taken"},
			{Name: "key-from", Shape: yamlfile.ShapeExpression, Doc: "the key that `kolk dev` gives a row of a data file, from its `value`"},
		},
	}
}

// stepBlocks returns the steps, as the fields of the step block.
func stepBlocks(branch *yamlfile.Block) []yamlfile.Field {
	serde := yamlfile.Field{Name: "serde", Shape: yamlfile.ShapeSerde, Doc: "serde of the new key; default: by the expression's type, string if that is not known"}
	selectKey := &yamlfile.Block{
		Name: "select-key", Doc: "Gives records a new key.", Short: "key",
		Fields: []yamlfile.Field{{Name: "key", Shape: yamlfile.ShapeExpression, Required: true, Doc: "the new key"}, serde},
	}
	mapBlock := &yamlfile.Block{
		Name: "map", Doc: "Gives records a new key and a new value.",
		Fields: []yamlfile.Field{
			{Name: "key", Shape: yamlfile.ShapeExpression, Required: true, Doc: "the new key"},
			{Name: "value", Shape: yamlfile.ShapeTemplate, Required: true, Doc: "the new value"}, serde,
		},
	}
	repartition := &yamlfile.Block{
		Name: "repartition", Doc: "Sends records through a topic, so that records of a key meet in one task.", Short: "name",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.ShapeText, Required: true, Doc: "name of the topic, to which the application's is added"},
			{Name: "partitions", Shape: yamlfile.ShapeNumber, Doc: "how many; default: as many as the input has"},
		},
	}
	inOrder := &yamlfile.Block{
		Name: "in-order", Doc: "Hands records on in the order of time, source topic, partition and offset, so that what follows is a function of the input.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.ShapeText, Required: true, Doc: "name of the state store, which holds the records back"},
			{Name: "delay", Shape: yamlfile.ShapeDuration, Required: true, Doc: "how much out of order the records of a partition may be; those that are more are late, and dropped"},
		},
	}
	join := &yamlfile.Block{
		Name: "join", Doc: "Looks records up in a table (by their key) or in a global table (by `on`).", One: []string{"table", "global"},
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.ShapeText, Required: true, Doc: "name of the step"},
			{Name: "table", Shape: yamlfile.ShapeText, Doc: "a table source, or a named stream that ends in a table"},
			{Name: "global", Shape: yamlfile.ShapeText, Doc: "a global source"},
			{Name: "on", Shape: yamlfile.ShapeExpression, Doc: "the key to look up; with `global` only"},
			{Name: "value", Shape: yamlfile.ShapeTemplate, Required: true, Doc: "the new value, of `left` (the record's) and `right` (the table's)"},
			{Name: "left", Shape: yamlfile.ShapeFlag, Doc: "true: records that find nothing go on, with null as `right`; otherwise they are dropped"},
		},
	}
	group := &yamlfile.Block{
		Name: "group", Doc: "Groups records for an aggregation. The text `by-key` groups them by the key they have.", Short: "name", Texts: []string{"by-key"},
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.ShapeText, Required: true, Doc: "name of the repartition topic"},
			{Name: "by", Shape: yamlfile.ShapeExpression, Required: true, Doc: "the new key; to group by the key that records have, write `group: by-key`"}, serde,
		},
	}
	window := &yamlfile.Block{
		Name: "window", Doc: "Cuts time into windows, each aggregated on its own.", One: []string{"tumbling", "hopping"},
		Fields: []yamlfile.Field{
			{Name: "tumbling", Shape: yamlfile.ShapeDuration, Doc: "length of windows that follow each other"},
			{Name: "hopping", Shape: yamlfile.ShapeDuration, Doc: "length of windows that overlap"},
			{Name: "every", Shape: yamlfile.ShapeDuration, Doc: "the distance of the starts of hopping windows"},
			{Name: "grace", Shape: yamlfile.ShapeDuration, Doc: "how long after its end a window takes records that are late; default 0"},
		},
	}
	store := yamlfile.Field{Name: "store", Shape: yamlfile.ShapeText, Required: true, Doc: "name of the state store"}
	count := &yamlfile.Block{Name: "count", Doc: "Counts the records of each key.", Short: "store", Fields: []yamlfile.Field{store}}
	reduce := &yamlfile.Block{
		Name: "reduce", Doc: "Combines the values of each key, two at a time.",
		Fields: []yamlfile.Field{store, {Name: "value", Shape: yamlfile.ShapeTemplate, Required: true, Doc: "the new value, of `left` (so far) and `right` (the record's)"}},
	}
	aggregate := &yamlfile.Block{
		Name: "aggregate", Doc: "Computes an object for each key. Every other field is one of the object's: a call of an aggregate function.",
		Fields: []yamlfile.Field{store},
		Rest:   &yamlfile.Field{Name: "(other)", Shape: yamlfile.ShapeColumn, Doc: "a field of the result"},
	}
	result := &yamlfile.Block{
		Name: "result", Doc: "Makes records of the results of windows. Expressions see `key`, `value`, `window.start` and `window.end`.",
		Fields: []yamlfile.Field{
			{Name: "key", Shape: yamlfile.ShapeExpression, Doc: "the record's key; default: the group's, in which case all windows of a key share it"},
			{Name: "value", Shape: yamlfile.ShapeTemplate, Doc: "the record's value; default: the aggregate's"}, serde,
		},
	}
	split := &yamlfile.Block{
		Name: "split", Doc: "Sends each record to the first branch whose condition holds. The last step of its stream.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.ShapeText, Required: true, Doc: "name of the step"},
			{Name: "branches", Shape: yamlfile.ShapeBlocks, Block: branch, Required: true, Doc: "the branches, in order"},
		},
	}
	to := &yamlfile.Block{
		Name: "to", Doc: "Writes records to a topic. The last step of its stream.", Short: "topic",
		Fields: []yamlfile.Field{
			{Name: "topic", Shape: yamlfile.ShapeText, Required: true, Doc: "the topic"},
			{Name: "key", Shape: yamlfile.ShapeSerde, Doc: "serde of the keys; default: as they have"},
			{Name: "value", Shape: yamlfile.ShapeSerde, Doc: "serde of the values; default: as they have, json after any change"},
		},
	}
	return []yamlfile.Field{
		{Name: "filter", Shape: yamlfile.ShapeExpression, Doc: "keeps the records for which the condition is true"},
		{Name: "map-values", Shape: yamlfile.ShapeTemplate, Doc: "gives records a new value"},
		{Name: "flat-map-values", Shape: yamlfile.ShapeTemplate, Doc: "makes a record of each element of a list"},
		{Name: "select-key", Shape: yamlfile.ShapeBlock, Block: selectKey, Doc: "gives records a new key"},
		{Name: "map", Shape: yamlfile.ShapeBlock, Block: mapBlock, Doc: "gives records a new key and value"},
		{Name: "process", Shape: yamlfile.ShapeText, Doc: "a function registered in Go: a filter or a mapper"},
		{Name: "repartition", Shape: yamlfile.ShapeBlock, Block: repartition, Doc: "sends records through a topic"},
		{Name: "in-order", Shape: yamlfile.ShapeBlock, Block: inOrder, Doc: "hands records on in the order of time"},
		{Name: "join", Shape: yamlfile.ShapeBlock, Block: join, Doc: "looks records up in a table"},
		{Name: "group", Shape: yamlfile.ShapeBlock, Block: group, Doc: "groups records for an aggregation"},
		{Name: "window", Shape: yamlfile.ShapeBlock, Block: window, Doc: "cuts time into windows"},
		{Name: "count", Shape: yamlfile.ShapeBlock, Block: count, Doc: "counts the records of each key"},
		{Name: "reduce", Shape: yamlfile.ShapeBlock, Block: reduce, Doc: "combines the values of each key"},
		{Name: "aggregate", Shape: yamlfile.ShapeBlock, Block: aggregate, Doc: "computes an object for each key"},
		{Name: "emit", Shape: yamlfile.ShapeEnum, Enum: []string{"updates", "each-update", "final"}, Doc: "when an aggregation shows results: the latest of a key at each commit (default), every one, or (windowed) only the final ones"},
		{Name: "result", Shape: yamlfile.ShapeBlock, Block: result, Doc: "makes records of the results of windows"},
		{Name: "split", Shape: yamlfile.ShapeBlock, Block: split, Doc: "sends records to branches"},
		{Name: "to", Shape: yamlfile.ShapeBlock, Block: to, Doc: "writes records to a topic"},
		{Name: "discard", Shape: yamlfile.ShapeFlag, Doc: "true: it is meant that the stream ends here, and nothing reads its records"},
	}
}
