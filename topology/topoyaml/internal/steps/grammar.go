package steps

import (
	"strings"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// grammar is what a file may say.
type grammar struct {
	file  *yamlfile.Block
	steps map[string]step
	// advice says what the DSL's advice means in a file.
	advice *strings.Replacer
}

// newGrammar makes the blocks of a file of the definitions of the steps. (Steps contain branches,
// which contain steps: a literal could not say that.)
func newGrammar() *grammar {
	one := &yamlfile.Block{Name: "step", Doc: "One thing that happens to the records of a stream: exactly one of these."}
	g := &grammar{steps: map[string]step{}}
	var advice []string
	for _, s := range definitions(one) {
		one.Fields = append(one.Fields, s.Field)
		one.One = append(one.One, s.Name)
		g.steps[s.Name] = s
		advice = append(advice, s.advice...)
	}
	g.advice = strings.NewReplacer(append(advice, "leave Timeless out", "leave timeless out", "or History", "or history",
		"read the topic in one way and use that in both places. Where it has messages of several kinds, read their bytes, with serde.Bytes, and decode them with TryMapValues", "declare one source and use it in both places")...)
	stream := &yamlfile.Block{
		Name: "stream",
		Doc:  "A chain of steps.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.Text(), Doc: "a name, for other streams that start `from` it or join it"},
			{Name: "from", Shape: yamlfile.Texts(), Required: true, Doc: "a source, a named stream or a branch; of several, the records are merged"},
			{Name: "steps", Shape: yamlfile.Several(one), Doc: "what happens to each record, in order"},
		},
	}
	g.file = &yamlfile.Block{
		Name: "file",
		Doc:  "The whole file.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.Text(), Required: true, Doc: "name of the application: prefix of its internal topics, and its consumer group"},
			{Name: "time", Shape: yamlfile.Enum("default", "kafka-streams"), Doc: "the rules of time: by `default` results are a function of the input alone; with `kafka-streams` each operator has a clock of its own, as in Kafka Streams"},
			{Name: "sources", Shape: yamlfile.ByName(sourceBlock()), Required: true, Doc: "the topics that are read, by a name of your choice"},
			{Name: "streams", Shape: yamlfile.Several(stream), Required: true, Doc: "what happens to their records"},
		},
	}
	return g
}

// within are the chains of steps that begin in a step.
func (g *grammar) within(e *yamlfile.Entry) []*yamlfile.Mapping {
	if chains := g.steps[e.Name].chains; chains != nil {
		return chains(e)
	}
	return nil
}
