package steps

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"regexp"
	"time"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// The ways to read a topic, as the fields that say so are called.
const (
	StreamSource  = "stream"
	PatternSource = "pattern"
	TableSource   = "table"
	GlobalSource  = "global"
)

// Source is a source of a file.
type Source struct {
	Name       string
	Kind       string // stream, pattern, table or global
	Topics     []string
	Pattern    *regexp.Regexp // of the whole names of the topics; nil: Topics are named
	Key, Value value.Format
	Schema     *value.Type         // the static type of values
	Time       *expression.Program // the time of a record by its value; nil: the message's
	KeyFrom    *expression.Program // the key of a row of a data file; nil: none

	pos            yamlfile.Position
	wall, timeless bool
	future         time.Duration // 0: any
	history        time.Duration
	keeps          bool // history was given

	// Built when something reads it.
	text   string // of the pattern
	built  bool
	dead   bool
	stream topology.Stream[value.Value, value.Value]
	table  topology.Table[value.Value, value.Value]
	global topology.GlobalTable[value.Value, value.Value]
}

// sourceBlock is what a file says of a source.
func sourceBlock() *yamlfile.Block {
	return &yamlfile.Block{
		Name: "source",
		Doc:  "What is read: one topic or several as a stream, all topics that a pattern matches, or a topic as a table or a global table. Exactly one of these four.",
		One:  []string{"stream", "pattern", "table", "global"},
		Fields: []yamlfile.Field{
			{Name: "stream", Shape: yamlfile.Texts(), Doc: "topic, or several, of which each message is a record"},
			{Name: "pattern", Shape: yamlfile.Text(), Doc: "regular expression of the whole names of topics, which are read as one stream; topics that come later join in"},
			{Name: "table", Shape: yamlfile.Text(), Doc: "topic of which the latest message of a key counts; each task keeps its partition"},
			{Name: "global", Shape: yamlfile.Text(), Doc: "like table, but each process keeps all of it, so any record can be joined with it"},
			{Name: "key", Shape: yamlfile.Serde(), Doc: "serde of the keys; default string"},
			{Name: "value", Shape: yamlfile.Serde(), Doc: "serde of the values; default json"},
			{Name: "schema", Shape: yamlfile.Types(), Doc: "fields of the values and their types: with it, names and types in expressions are checked"},
			{Name: "time", Shape: yamlfile.Expression(), Doc: "the time of a record, in milliseconds, from its `value`; or `wall-clock`. Default: the message's timestamp"},
			{Name: "timeless", Shape: yamlfile.Flag(), Doc: "true: the topic carries no time. Its records are taken as they come, whatever their timestamps, and nothing waits for them; a bounded run reads them first"},
			{Name: "max-future", Shape: yamlfile.Duration(), Doc: "a record that is further ahead of the clock, in a bounded run of the topic's other partitions, is an error of that record; default: any is taken"},
			{Name: "history", Shape: yamlfile.Duration(), Doc: "for how long a table keeps what its rows were: a join finds the row as it was at the record's time. Default: the present row alone; with `table` only"},
			{Name: "key-from", Shape: yamlfile.Expression(), Doc: "the key that `kolk dev` gives a row of a data file, from its `value`"},
		},
	}
}

// source reads a source's fields.
func (b *builder) source(name string, pos yamlfile.Position, m *yamlfile.Mapping) *Source {
	s := &Source{Name: name, pos: pos}
	s.Key, _ = value.FormatOf(cmp.Or(m.Text("key"), "string"))
	s.Value, _ = value.FormatOf(cmp.Or(m.Text("value"), "json"))
	s.Schema = s.Value.Type
	for _, kind := range []string{StreamSource, TableSource, GlobalSource} {
		if m.Get(kind) != nil {
			s.Kind, s.Topics = kind, m.Texts(kind)
		}
	}
	if e := m.Get(PatternSource); e != nil {
		s.Kind, s.text = PatternSource, m.Text(PatternSource)
		var err error
		if _, err = regexp.Compile(s.text); err != nil {
			b.r.Fail(yamlfile.At(e.Node), "this is not a regular expression: %v", err)
			s.dead = true
		} else {
			s.Pattern = regexp.MustCompile("^(?:" + s.text + ")$")
		}
	}
	if e := m.Get("schema"); e != nil {
		if s.Value.Name() != "json" {
			b.r.Fail(e.Pos, "a schema is for values of the serde json; these are of %s", s.Value.Name())
		}
		s.Schema = b.schema(e.Node)
	}
	sc := expression.ValueScope(s.Schema)
	s.timeless = m.Flag("timeless")
	if e := m.Get("time"); e != nil {
		switch {
		case s.Kind == GlobalSource:
			b.r.Fail(e.Pos, "a global table carries no time; remove the field")
		case s.timeless:
			b.r.Fail(e.Pos, "the source is timeless, so it has no time; remove one of the fields")
		case e.Node.Value == "wall-clock":
			s.wall = true
		default:
			s.Time = b.expression(e.Node, sc)
			switch s.Time.Type.Kind {
			case value.IntKind, value.FloatKind, value.AnyKind:
			case value.StringKind:
				b.r.Fail(yamlfile.At(e.Node), "time needs milliseconds, this is a string; parseTime(%s, layout) makes them of a text", e.Node.Value)
			default:
				b.r.Fail(yamlfile.At(e.Node), "time needs milliseconds, this is of type %s", s.Time.Type)
			}
		}
	}
	if e := m.Get("max-future"); e != nil {
		switch {
		case s.Kind == GlobalSource:
			b.r.Fail(e.Pos, "a global table carries no time; remove the field")
		case s.timeless:
			b.r.Fail(e.Pos, "the source is timeless, so no record of it is ahead; remove one of the fields")
		}
		if s.future, _ = functions.ParseDuration(e.Node.Value); s.future < time.Millisecond {
			b.r.Fail(yamlfile.At(e.Node), "max-future should be at least 1ms; leave it out to take any time")
		}
	}
	if e := m.Get("history"); e != nil {
		if s.Kind != TableSource {
			b.r.Fail(e.Pos, "a %s has no rows that change in place, so it keeps no history; remove the field", s.Kind)
		}
		s.history, _ = functions.ParseDuration(e.Node.Value)
		s.keeps = true
	}
	if e := m.Get("timeless"); e != nil && s.Kind == GlobalSource {
		b.r.Fail(e.Pos, "a global table is never waited for; remove the field")
	}
	if e := m.Get("key-from"); e != nil {
		s.KeyFrom = b.expression(e.Node, sc)
		b.fits(yamlfile.At(e.Node), "the key", s.KeyFrom.Type, s.Key.Name())
	}
	return s
}

// open calls the DSL for a source, once.
func (b *builder) open(s *Source) {
	if s.built {
		return
	}
	s.built = true
	if s.dead || s.Kind == "" || len(s.Topics) == 0 && s.Pattern == nil {
		s.dead = true
		return
	}
	var opts []topology.SourceOption[value.Value]
	switch {
	case s.timeless:
		opts = append(opts, topology.Timeless[value.Value])
	case s.wall:
		opts = append(opts, topology.TimeFromWallClock[value.Value])
	case s.Time != nil:
		opts = append(opts, topology.TryTimeFromValue(func(_ context.Context, v value.Value) (time.Time, error) {
			ms, err := s.TimeOf(v)
			return time.UnixMilli(ms), err
		}))
	}
	if s.future > 0 {
		opts = append(opts, topology.MaxFuture[value.Value](s.future))
	}
	call{t: b.t, at: b.r.Where(s.pos)}.run(func() {
		switch {
		case s.Kind == TableSource:
			s.table = b.t.Table(s.Topics[0], s.Key.Serde, s.Value.Serde, opts...)
			if s.keeps {
				s.table = s.table.History(s.history)
			}
		case s.Kind == GlobalSource:
			s.global = b.t.GlobalTable(s.Topics[0], s.Key.Serde, s.Value.Serde)
		case s.Kind == PatternSource:
			s.stream = b.t.StreamPattern(s.Name, s.text, s.Key.Serde, s.Value.Serde, opts...)
		case len(s.Topics) == 1:
			s.stream = b.t.Stream(s.Topics[0], s.Key.Serde, s.Value.Serde, opts...)
		default:
			s.stream = b.t.StreamTopics(s.Topics, s.Key.Serde, s.Value.Serde, opts...)
		}
	})
}

// TimeOf is the time of a record with that value, in milliseconds: parts of one are cut off,
// towards the past, before 1970 as behind it. Whether the time may be a record's is the topology's
// to check.
func (s *Source) TimeOf(v value.Value) (int64, error) {
	t, err := s.Time.Eval(&expression.Inputs{Value: v})
	if err != nil {
		return 0, err
	}
	switch t := t.(type) {
	case int64:
		return t, nil
	case float64:
		if !(math.Abs(t) < 1<<63) {
			return 0, s.Time.Fail(fmt.Errorf("%w: %v ms", topology.ErrTime, t))
		}
		return int64(math.Floor(t)), nil
	}
	return 0, s.Time.Fail(fmt.Errorf("a time is a number of milliseconds, this is of type %s", value.Kind(t)))
}

// start is a source as the start of a stream.
func (b *builder) start(s *Source) *flow {
	b.open(s)
	f := &flow{dead: s.dead, at: stream{s.stream}, key: s.Key.Type, value: s.Schema, keySerde: s.Key.Name(), valueSerde: s.Value.Name()}
	if s.Kind == TableSource {
		f.at = table[value.Value]{s.table}
	}
	return f
}
