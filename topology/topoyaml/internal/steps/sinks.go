package steps

import (
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// Sink is a topic that a file writes.
type Sink struct {
	Topic      string
	Key, Value value.Format
	Columns    []string // names of the fields of the values, if they are known
}

// writes notes that the file writes a topic.
func (b *builder) writes(p yamlfile.Position, topic, keySerde, valueSerde string, t *value.Type) {
	for _, s := range b.sinks {
		if s.Topic != topic {
			continue
		}
		if s.Key.Name() != keySerde || s.Value.Name() != valueSerde {
			b.r.Fail(p, "the topic %q is written with different serdes: %s and %s here, %s and %s before", topic, keySerde, valueSerde, s.Key.Name(), s.Value.Name())
		}
		return
	}
	s := &Sink{Topic: topic}
	s.Key, _ = value.FormatOf(keySerde)
	s.Value, _ = value.FormatOf(valueSerde)
	if t.Kind == value.ObjectKind {
		s.Columns = t.FieldNames()
	}
	b.sinks = append(b.sinks, s)
}
