package topoyaml

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// Kind says how a source reads its topic.
type Kind string

const (
	// StreamSource reads each message as a record.
	StreamSource Kind = "stream"
	// TableSource keeps the latest message of each key, by partition.
	TableSource Kind = "table"
	// GlobalSource keeps the latest message of each key, whole in each process.
	GlobalSource Kind = "global"
)

// Source is a source of a file. It is immutable, and safe for concurrent use.
type Source struct {
	name     string
	kind     Kind
	topics   []string
	pos      position
	def      *mapping
	key      format
	value    format
	keyName  string
	valName  string
	schema   *typ // the static type of values
	time     *program
	wall     bool
	timeless bool
	future   time.Duration // 0: any
	keyFrom  *program

	// Built when something reads it.
	built  bool
	dead   bool
	stream topology.Stream[Value, Value]
	table  topology.Table[Value, Value]
	global topology.GlobalTable[Value, Value]
}

// Name is the source's name in the file.
func (s *Source) Name() string { return s.name }

// Kind says how the topic is read.
func (s *Source) Kind() Kind { return s.kind }

// Topics are the topics that the source reads: one, unless it is a stream of several.
func (s *Source) Topics() []string { return append([]string(nil), s.topics...) }

// KeySerde and ValueSerde are the names of the serdes.
func (s *Source) KeySerde() string { return s.keyName }

// ValueSerde is the name of the serde of the values.
func (s *Source) ValueSerde() string { return s.valName }

// HasTime reports whether the file says how a record's time follows from its value. Otherwise it is the message's timestamp.
func (s *Source) HasTime() bool { return s.time != nil }

// serdeOf returns a serde by a name that is known to be one.
func serdeOf(name string) serde.Serde[Value] {
	f, _ := formatOf(name)
	return f.serde
}

// source reads a source's fields.
func (b *builder) source(name string, pos position, m *mapping) *Source {
	s := &Source{name: name, pos: pos, def: m, keyName: "string", valName: "json"}
	for _, kind := range []Kind{StreamSource, TableSource, GlobalSource} {
		e := m.get(string(kind))
		if e == nil {
			continue
		}
		s.kind = kind
		if e.node.Value != "" {
			s.topics = []string{e.node.Value}
		}
		for _, c := range e.node.Content {
			s.topics = append(s.topics, c.Value)
		}
	}
	if t := m.text("key"); t != "" {
		s.keyName = t
	}
	if t := m.text("value"); t != "" {
		s.valName = t
	}
	s.key, _ = formatOf(s.keyName)
	s.value, _ = formatOf(s.valName)
	s.schema = s.value.typ
	if e := m.get("schema"); e != nil {
		if s.valName != "json" {
			b.r.fail(e.pos, "a schema is for values of the serde json; these are of %s", s.valName)
		}
		s.schema = b.schema(e.node)
	}
	sc := valueScope(s.schema)
	s.timeless = m.flag("timeless")
	if e := m.get("time"); e != nil {
		switch {
		case s.kind == GlobalSource:
			b.r.fail(e.pos, "a global table carries no time; remove the field")
		case s.timeless:
			b.r.fail(e.pos, "the source is timeless, so it has no time; remove one of the fields")
		case e.node.Value == "wall-clock":
			s.wall = true
		default:
			s.time = b.expression(e.node, sc)
			switch s.time.typ.kind {
			case intKind, floatKind, anyKind:
			case stringKind:
				b.r.fail(at(e.node), "time needs milliseconds, this is a string; parseTime(%s, layout) makes them of a text", e.node.Value)
			default:
				b.r.fail(at(e.node), "time needs milliseconds, this is of type %s", s.time.typ)
			}
		}
	}
	if e := m.get("max-future"); e != nil {
		switch {
		case s.kind == GlobalSource:
			b.r.fail(e.pos, "a global table carries no time; remove the field")
		case s.timeless:
			b.r.fail(e.pos, "the source is timeless, so no record of it is ahead; remove one of the fields")
		}
		if s.future, _ = parseDuration(e.node.Value); s.future < time.Millisecond {
			b.r.fail(at(e.node), "max-future should be at least 1ms; leave it out to take any time")
		}
	}
	if e := m.get("timeless"); e != nil && s.kind == GlobalSource {
		b.r.fail(e.pos, "a global table is never waited for; remove the field")
	}
	if e := m.get("key-from"); e != nil {
		s.keyFrom = b.expression(e.node, sc)
		b.fits(at(e.node), "the key", s.keyFrom.typ, s.keyName)
	}
	return s
}

// fits checks at load time that a value of that type can be written by a serde.
func (b *builder) fits(p position, what string, t *typ, serdeName string) {
	ok := true
	switch t.kind {
	case anyKind, nullKind:
	default:
		switch serdeName {
		case "string":
			ok = t.kind == stringKind
		case "int64", "int32":
			ok = t.kind == intKind
		case "float64":
			ok = t.number()
		case "bool":
			ok = t.kind == boolKind
		case "bytes":
			ok = t.kind == bytesKind || t.kind == stringKind
		}
	}
	if !ok {
		b.r.fail(p, "%s is of type %s and its serde is %q; convert it, or choose another serde", what, t, serdeName)
	}
}

// open calls the DSL for a source, once.
func (b *builder) open(s *Source) {
	if s.built {
		return
	}
	s.built = true
	if s.dead || s.kind == "" || len(s.topics) == 0 {
		s.dead = true
		return
	}
	var opts []topology.SourceOption[Value]
	switch {
	case s.timeless:
		opts = append(opts, topology.Timeless[Value])
	case s.wall:
		opts = append(opts, topology.TimeFromWallClock[Value])
	case s.time != nil:
		opts = append(opts, topology.TryTimeFromValue(func(_ context.Context, v Value) (time.Time, error) {
			ms, err := s.timeOf(v)
			return time.UnixMilli(ms), err
		}))
	}
	if s.future > 0 {
		opts = append(opts, topology.MaxFuture[Value](s.future))
	}
	b.t.At(b.where(s.pos))
	defer b.t.At("")
	switch s.kind {
	case StreamSource:
		if len(s.topics) == 1 {
			s.stream = b.t.Stream(s.topics[0], s.key.serde, s.value.serde, opts...)
		} else {
			s.stream = b.t.StreamTopics(s.topics, s.key.serde, s.value.serde, opts...)
		}
	case TableSource:
		s.table = b.t.Table(s.topics[0], s.key.serde, s.value.serde, opts...)
	case GlobalSource:
		s.global = b.t.GlobalTable(s.topics[0], s.key.serde, s.value.serde)
	}
}

// timeOf is the time of a record with that value, in milliseconds: parts of one are cut off, towards the past, before 1970 as
// behind it. Whether the time may be a record's is the topology's to check.
func (s *Source) timeOf(v Value) (int64, error) {
	t, err := s.time.eval(&inputs{value: v})
	if err != nil {
		return 0, err
	}
	switch t := t.(type) {
	case int64:
		return t, nil
	case float64:
		if !(math.Abs(t) < 1<<63) {
			return 0, s.time.fail(fmt.Errorf("%w: %v ms", topology.ErrTime, t))
		}
		return int64(math.Floor(t)), nil
	}
	return 0, s.time.fail(fmt.Errorf("a time is a number of milliseconds, this is of type %s", kindOf(t)))
}

// flow is a source as the start of a stream.
func (b *builder) sourceFlow(s *Source) *flow {
	b.open(s)
	f := &flow{dead: s.dead, key: s.key.typ, value: s.schema, keyFormat: s.keyName, valueFormat: s.valName}
	if s.kind == TableSource {
		f.stage, f.table = tableStage, s.table
	} else {
		f.stream = s.stream
	}
	return f
}
