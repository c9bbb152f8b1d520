package topoyaml

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// NoTimestamp is what [Source.Message] returns for a source that does not say how time follows from
// a value: the message's timestamp is the loader's choice.
const NoTimestamp = topology.NoTime

// JSONRow reads one line of a file of JSON lines.
func (s *Source) JSONRow(line []byte) (Value, error) { return value.ParseJSON(line) }

// MissingColumns returns the fields of the schema that a CSV file with that header does not have:
// they are null in its rows. all says that it has none of them.
func (s *Source) MissingColumns(header []string) (missing []string, all bool) {
	for _, name := range s.of.Schema.FieldNames() {
		if !slices.Contains(header, name) {
			missing = append(missing, name)
		}
	}
	return missing, len(missing) > 0 && len(missing) == len(s.of.Schema.FieldNames())
}

// CSVRow makes an object of one record of a CSV file, whose first record is the header. Fields are
// strings, unless the schema says int, float or bool: then they are read as such, and an empty one
// is null.
func (s *Source) CSVRow(header, record []string) (Value, error) {
	if len(record) != len(header) {
		return nil, fmt.Errorf("topoyaml: %d fields, the header has %d", len(record), len(header))
	}
	fields := make([]Field, len(record))
	for i, text := range record {
		t, ok := s.of.Schema.Field(header[i])
		if !ok {
			t = value.StringType
		}
		v, err := parseCell(text, t)
		if err != nil {
			return nil, fmt.Errorf("topoyaml: field %q: %w", header[i], err)
		}
		fields[i] = value.Named(header[i], v)
	}
	return NewObject(fields...), nil
}

func parseCell(text string, t *value.Type) (Value, error) {
	switch t.Kind {
	case value.IntKind, value.FloatKind, value.BoolKind:
		if strings.TrimSpace(text) == "" {
			return nil, nil
		}
	}
	switch t.Kind {
	case value.IntKind, value.FloatKind: // as in JSON: what is whole is, however it is written
		n, err := value.ToNumber(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("%w (the schema says %s)", err, t)
		}
		if _, whole := n.(int64); t.Kind == value.IntKind && !whole {
			return nil, fmt.Errorf("%q is not a whole number of 64 bits (the schema says int)", text)
		}
		return n, nil
	case value.BoolKind:
		b, err := strconv.ParseBool(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("%q is neither true nor false (the schema says bool)", text)
		}
		return b, nil
	}
	return text, nil
}

// Message makes the message that a row of a data file is: its value by the source's serde, its key
// by key-from (nil without one, or if it yields null), its timestamp, in milliseconds, by time
// ([NoTimestamp] without one).
//
// A row is an object wherever the source has a schema, key-from or time, and its fields are of the
// types of the schema.
func (s *Source) Message(row Value) (key, value []byte, timestamp int64, err error) {
	if err := s.check(row); err != nil {
		return nil, nil, 0, err
	}
	if value, err = s.of.Value.Serde.Append([]byte{}, row); err != nil {
		return nil, nil, 0, err
	}
	if key, err = s.Key(row); err != nil {
		return nil, nil, 0, err
	}
	timestamp = NoTimestamp
	if s.of.Time != nil {
		if timestamp, err = s.of.TimeOf(row); err != nil {
			return nil, nil, 0, err
		}
	}
	return key, value, timestamp, nil
}

// Key makes the key that a row has by key-from: nil without one, or if it yields null.
func (s *Source) Key(row Value) ([]byte, error) {
	if s.of.KeyFrom == nil {
		return nil, nil
	}
	k, err := s.of.KeyFrom.Eval(&expression.Inputs{Value: row})
	if k == nil || err != nil {
		return nil, err
	}
	key, err := s.of.Key.Serde.Append([]byte{}, k)
	if err != nil {
		return nil, s.of.KeyFrom.Fail(err)
	}
	return key, nil
}

// check returns why a row is none of the source's.
func (s *Source) check(row Value) error {
	if s.of.Value.Name() != "json" {
		return nil // its serde checks
	}
	if kind := value.Kind(row); kind != "object" && (s.of.Schema.Kind == value.ObjectKind || s.of.KeyFrom != nil || s.of.Time != nil) {
		return fmt.Errorf("topoyaml: the rows of source %s are objects, this one is of type %s", s.of.Name, kind)
	}
	return s.of.Schema.Mismatch("", row)
}
