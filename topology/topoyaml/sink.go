package topoyaml

import (
	"encoding/json"
	"fmt"
)

// Sink is a topic that a file writes. It is immutable, and safe for concurrent use.
type Sink struct {
	topic      string
	key, value format
	keyName    string
	valueName  string
	columns    []string
}

// Topic is the topic's name.
func (s *Sink) Topic() string { return s.topic }

// KeySerde is the name of the serde of the keys.
func (s *Sink) KeySerde() string { return s.keyName }

// ValueSerde is the name of the serde of the values.
func (s *Sink) ValueSerde() string { return s.valueName }

// Columns are the names of the fields of the values, in order, if the file says them; otherwise nil.
func (s *Sink) Columns() []string { return append([]string(nil), s.columns...) }

// Print returns a message of the topic as JSON: a missing key or value is null, bytes are base64, objects keep the order of their
// fields.
func (s *Sink) Print(key, value []byte) (keyJSON, valueJSON json.RawMessage, err error) {
	if keyJSON, err = printJSON(s.key, key); err != nil {
		return nil, nil, fmt.Errorf("topoyaml: key of topic %s: %w", s.topic, err)
	}
	if valueJSON, err = printJSON(s.value, value); err != nil {
		return nil, nil, fmt.Errorf("topoyaml: value of topic %s: %w", s.topic, err)
	}
	return keyJSON, valueJSON, nil
}

func printJSON(f format, data []byte) (json.RawMessage, error) {
	if data == nil {
		return json.RawMessage("null"), nil
	}
	v, err := f.serde.Decode(data)
	if err != nil {
		return nil, err
	}
	return appendJSON(nil, v)
}

// sink notes that the file writes a topic.
func (b *builder) sink(p position, topic, key, value string, t *typ) {
	for _, s := range b.sinks {
		if s.topic != topic {
			continue
		}
		if s.keyName != key || s.valueName != value {
			b.r.fail(p, "the topic %q is written with different serdes: %s and %s here, %s and %s before", topic, key, value, s.keyName, s.valueName)
		}
		return
	}
	s := &Sink{topic: topic, keyName: key, valueName: value}
	s.key, _ = formatOf(key)
	s.value, _ = formatOf(value)
	if t.kind == objectKind {
		s.columns = t.fieldNames()
	}
	b.sinks = append(b.sinks, s)
}
