package steps

import (
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// Sink is a topic that a file writes.
type Sink struct {
	Topic      string
	Key, Value value.Format
	KeySerde   string
	ValueSerde string
	Columns    []string // names of the fields of the values, if they are known
}

// sink notes that the file writes a topic.
func (b *builder) writes(p yamlfile.Position, topic, keySerde, valueSerde string, t *value.Type) {
	for _, s := range b.sinks {
		if s.Topic != topic {
			continue
		}
		if s.KeySerde != keySerde || s.ValueSerde != valueSerde {
			b.r.Fail(p, "the topic %q is written with different serdes: %s and %s here, %s and %s before", topic, keySerde, valueSerde, s.KeySerde, s.ValueSerde)
		}
		return
	}
	s := &Sink{Topic: topic, KeySerde: keySerde, ValueSerde: valueSerde}
	s.Key, _ = value.FormatOf(keySerde)
	s.Value, _ = value.FormatOf(valueSerde)
	if t.Kind == value.ObjectKind {
		s.Columns = t.FieldNames()
	}
	b.sinks = append(b.sinks, s)
}
