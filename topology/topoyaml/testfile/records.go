package testfile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/text"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// sent reads a record that is sent.
func (l *loader) sent(m *yamlfile.Mapping, topic string, of flow.Texts, t *Test) Sent {
	s := Sent{Position: position(m.Pos), Partition: -1}
	if e := m.Get("contains"); e != nil {
		l.r.Fail(e.Pos, "contains is for records that are expected; write the value")
	}
	var data value.Value
	switch e, raw := m.Get("value"), m.Get("bytes"); {
	case e != nil && raw != nil:
		l.r.Fail(raw.Pos, "value and bytes are the same; remove one")
	case raw != nil:
		s.Value = []byte(raw.Node.Value)
	case e != nil:
		v, _ := l.r.Value(e.Node)
		data = v
		if v != nil {
			s.Value, _ = l.encode(e.Node, "values of topic "+topic, of.Value, v)
		}
	case !m.Has("value") && !m.Has("bytes"):
		l.r.Fail(m.Pos, "the record has no value; write one, or value: null for a record without")
	}
	if e := m.Get("key"); e != nil {
		if v, _ := l.r.Value(e.Node); v != nil {
			s.Key, _ = l.encode(e.Node, "keys of topic "+topic, of.Key, v)
		}
	} else if data != nil {
		key, err := l.keyFrom(topic, data)
		if err != nil {
			l.r.Fail(m.Pos, "the key of the record is what the source's key-from says, which fails: %s; write a key", strings.TrimPrefix(err.Error(), "topoyaml: "))
		}
		s.Key = key
	}
	if at := timeOf(m, "time"); at != nil {
		l.last = *at
	}
	s.Timestamp = l.last
	s.Headers = headersOf(m)
	s.Partition = l.partition(m, t)
	return s
}

// keyFrom is the key that the source of a topic says a row of data has, nil if it says none.
func (l *loader) keyFrom(topic string, v value.Value) ([]byte, error) {
	for _, s := range l.file.Sources() {
		if s.Reads(topic) {
			return s.Key(v)
		}
	}
	return nil, nil
}

func headersOf(m *yamlfile.Mapping) (all []topology.Header) {
	e := m.Get("headers")
	if e == nil {
		return nil
	}
	for name, n := range pairs(e.Node) {
		h := topology.Header{Key: name.Value}
		if n.ShortTag() != "!!null" {
			h.Value = []byte(n.Value)
		}
		all = append(all, h)
	}
	return all
}

func (l *loader) partition(m *yamlfile.Mapping, t *Test) int32 {
	e := m.Get("partition")
	if e == nil {
		return -1
	}
	n, err := strconv.ParseInt(e.Node.Value, 10, 32)
	if err == nil && int32(n) >= t.Partitions {
		l.r.Fail(yamlfile.At(e.Node), "there is no partition %d: the test has %d, from 0; write partitions: %d above its steps", n, t.Partitions, n+1)
	}
	return int32(n)
}

// encode makes the bytes of a value.
func (l *loader) encode(n *yaml.Node, what string, s serde.Serde[jsonText], v value.Value) ([]byte, error) {
	raw, err := value.AppendJSON(nil, v)
	if err == nil {
		var b []byte
		if b, err = s.Append([]byte{}, raw); err == nil {
			return b, nil
		}
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		hint := ""
		if _, isText := v.(string); !isText && s.Name() == "string" {
			hint = fmt.Sprintf("; write a text, in quotes: %s", text.Quote(n.Value))
			if n.Kind != yaml.ScalarNode {
				hint = "; write a text"
			}
		}
		l.r.Fail(yamlfile.At(n), "the %s are of the serde %s, and this is of type %s%s", what, s.Name(), value.Kind(v), hint)
	}
	return nil, err
}

// expectation reads a record or an entry that is expected.
func (l *loader) expectation(m *yamlfile.Mapping, of flow.Texts, t *Test) *expectation {
	x := &expectation{at: position(m.Pos), partition: l.partition(m, t), time: timeOf(m, "time"), window: timeOf(m, "window"), end: timeOf(m, "window-end")}
	x.timeAt, x.windAt, x.endAt, x.partAt = position(m.At("time")), position(m.At("window")), position(m.At("window-end")), position(m.At("partition"))
	if e := m.Get("bytes"); e != nil {
		l.r.Fail(e.Pos, "bytes is for records that are sent; write the value")
	}
	x.key = l.expected(m.Get("key"), "keys", of.Key)
	x.value = l.expected(m.Get("value"), "values", of.Value)
	if e := m.Get("contains"); e != nil {
		if m.Get("value") != nil {
			l.r.Fail(e.Pos, "value is all of the value, and contains a part of it; remove one")
		}
		v, ok := l.r.Value(e.Node)
		if _, object := v.(*value.Object); ok && !object {
			l.r.Fail(yamlfile.At(e.Node), "contains has fields of the value; this is %s. Write value: for what is no object", yamlfile.NodeKind(e.Node))
		}
		x.value, x.contains = &expected{v: v, node: e.Node}, true
	}
	if e := m.Get("headers"); e != nil {
		x.headers, x.headersAt, x.comparesHeaders = headersOf(m), at(e.Node), true
	}
	return x
}

// expected reads a key or a value as it would come: written and read by its serde.
func (l *loader) expected(e *yamlfile.Entry, what string, s serde.Serde[jsonText]) *expected {
	if e == nil {
		return nil
	}
	v, ok := l.r.Value(e.Node)
	x := &expected{none: v == nil, v: v, node: e.Node}
	if v == nil || !ok {
		return x
	}
	b, err := l.encode(e.Node, what, s, v)
	if err != nil {
		return x
	}
	again, err := s.Decode(b)
	if err == nil {
		x.v, err = value.ParseJSON(again)
	}
	if err != nil {
		l.r.Fail(yamlfile.At(e.Node), "it cannot be read as it is written: %v", err)
	}
	return x
}
