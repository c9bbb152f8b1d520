package topoyaml

import (
	"encoding/json"
	"fmt"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/steps"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// Sink is a topic that a file writes. It is immutable, and safe for concurrent use.
type Sink struct{ of *steps.Sink }

// Topic is the topic's name.
func (s *Sink) Topic() string { return s.of.Topic }

// KeySerde is the name of the serde of the keys.
func (s *Sink) KeySerde() string { return s.of.Key.Name() }

// ValueSerde is the name of the serde of the values.
func (s *Sink) ValueSerde() string { return s.of.Value.Name() }

// Columns are the names of the fields of the values, in order, if the file says them; otherwise
// nil.
func (s *Sink) Columns() []string { return append([]string(nil), s.of.Columns...) }

// Print returns a message of the topic as JSON: a missing key or value is null, bytes are base64,
// objects keep the order of their fields.
func (s *Sink) Print(key, value []byte) (keyJSON, valueJSON json.RawMessage, err error) {
	if keyJSON, err = printJSON(s.of.Key, key); err != nil {
		return nil, nil, fmt.Errorf("topoyaml: key of topic %s: %w", s.of.Topic, err)
	}
	if valueJSON, err = printJSON(s.of.Value, value); err != nil {
		return nil, nil, fmt.Errorf("topoyaml: value of topic %s: %w", s.of.Topic, err)
	}
	return keyJSON, valueJSON, nil
}

func printJSON(f value.Format, data []byte) (json.RawMessage, error) {
	if data == nil {
		return json.RawMessage("null"), nil
	}
	v, err := f.Serde.Decode(data)
	if err != nil {
		return nil, err
	}
	return value.AppendJSON(nil, v)
}
