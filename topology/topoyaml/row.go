package topoyaml

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// NoTimestamp is what [Source.Message] returns for a source that does not say how time follows from a value: the message's
// timestamp is the loader's choice.
const NoTimestamp = topology.NoTime

// JSONRow reads one line of a file of JSON lines.
func (s *Source) JSONRow(line []byte) (Value, error) { return parseJSON(line) }

// MissingColumns returns the fields of the schema that a CSV file with that header does not have: they are null in its rows. all
// says that it has none of them.
func (s *Source) MissingColumns(header []string) (missing []string, all bool) {
	for _, name := range s.schema.fieldNames() {
		if !slices.Contains(header, name) {
			missing = append(missing, name)
		}
	}
	return missing, len(missing) > 0 && len(missing) == len(s.schema.fieldNames())
}

// CSVRow makes an object of one record of a CSV file, whose first record is the header. Fields are strings, unless the schema
// says int, float or bool: then they are read as such, and an empty one is null.
func (s *Source) CSVRow(header, record []string) (Value, error) {
	if len(record) != len(header) {
		return nil, fmt.Errorf("topoyaml: %d fields, the header has %d", len(record), len(header))
	}
	fields := make([]Field, len(record))
	for i, text := range record {
		t, ok := s.schema.field(header[i])
		if !ok {
			t = typString
		}
		v, err := parseCell(text, t)
		if err != nil {
			return nil, fmt.Errorf("topoyaml: field %q: %w", header[i], err)
		}
		fields[i] = named(header[i], v)
	}
	return NewObject(fields...), nil
}

func parseCell(text string, t *typ) (Value, error) {
	switch t.kind {
	case intKind, floatKind, boolKind:
		if strings.TrimSpace(text) == "" {
			return nil, nil
		}
	}
	switch t.kind {
	case intKind, floatKind: // as in JSON: what is whole is, however it is written
		n, err := value.ToNumber(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("%w (the schema says %s)", err, t)
		}
		if _, whole := n.(int64); t.kind == intKind && !whole {
			return nil, fmt.Errorf("%q is not a whole number of 64 bits (the schema says int)", text)
		}
		return n, nil
	case boolKind:
		b, err := strconv.ParseBool(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("%q is neither true nor false (the schema says bool)", text)
		}
		return b, nil
	}
	return text, nil
}

// Message makes the message that a row of a data file is: its value by the source's serde, its key by key-from (nil without
// one, or if it yields null), its timestamp, in milliseconds, by time ([NoTimestamp] without one).
//
// A row is an object wherever the source has a schema, key-from or time, and its fields are of the types of the schema.
func (s *Source) Message(row Value) (key, value []byte, timestamp int64, err error) {
	if err := s.check(row); err != nil {
		return nil, nil, 0, err
	}
	if value, err = s.value.serde.Append([]byte{}, row); err != nil {
		return nil, nil, 0, err
	}
	if s.keyFrom != nil {
		k, err := s.keyFrom.eval(&inputs{value: row})
		if err != nil {
			return nil, nil, 0, err
		}
		if k != nil {
			if key, err = s.key.serde.Append([]byte{}, k); err != nil {
				return nil, nil, 0, s.keyFrom.fail(err)
			}
		}
	}
	timestamp = NoTimestamp
	if s.time != nil {
		if timestamp, err = s.timeOf(row); err != nil {
			return nil, nil, 0, err
		}
	}
	return key, value, timestamp, nil
}

// check returns why a row is none of the source's.
func (s *Source) check(row Value) error {
	if s.valName != "json" {
		return nil // its serde checks
	}
	if kind := kindOf(row); kind != "object" && (s.schema.kind == objectKind || s.keyFrom != nil || s.time != nil) {
		return fmt.Errorf("topoyaml: the rows of source %s are objects, this one is of type %s", s.name, kind)
	}
	return s.schema.mismatch("", row)
}

// mismatch names the first part of a value that is not of its type. Fields that are missing or null are of any type, and so are those
// that the type does not name.
func (t *typ) mismatch(path string, v Value) error {
	if !t.holds(v) {
		if path == "" {
			path = "the row"
		}
		return fmt.Errorf("topoyaml: %s is of type %s; the schema says %s", path, kindOf(v), t)
	}
	switch v := v.(type) {
	case []Value:
		if t.kind != listKind {
			return nil
		}
		for i, e := range v {
			if err := t.elem.mismatch(fmt.Sprintf("%s[%d]", path, i), e); err != nil {
				return err
			}
		}
	case *Object:
		for _, f := range v.Fields() {
			if of, ok := t.field(f.Name); ok {
				if err := of.mismatch(strings.TrimPrefix(path+"."+f.Name, "."), f.Value); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
