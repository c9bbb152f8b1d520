package testfile

import (
	"encoding/json"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// File is a file of tests. It is immutable, and safe for concurrent use.
type File struct {
	path     string
	topology *topoyaml.File
	tests    []*Test
}

// Path is what messages call the file.
func (f *File) Path() string { return f.path }

// Topology is the topology that is tested.
func (f *File) Topology() *topoyaml.File { return f.topology }

// Tests are the tests, in the order of the file.
func (f *File) Tests() []*Test { return f.tests }

// jsonText is a key or a value as JSON.
type jsonText = json.RawMessage

// Position is a place in a file, from 1.
type Position struct{ Line, Column int }

// Test is a test of a file.
type Test struct {
	Name string
	Position
	Partitions int32
	// CommitEach says when results are committed.
	CommitEach Commit
	// Skip says that records that cannot be processed are dropped.
	Skip bool
	// Clock is what the wall clock shows at first, in milliseconds; [topology.NoTime] if the test
	// does not say.
	Clock int64
	Steps []*Step
}

// Commit is when the results of a test are committed.
type Commit int

const (
	// EachRecord commits after every record.
	EachRecord Commit = iota
	// EachStep commits at the end of a step.
	EachStep
	// ByHand commits where a step says so.
	ByHand
)

// Step is a step of a test. Exactly one of its pointers and flags is set.
type Step struct {
	// Verb is the field that says what it is.
	Verb string
	Position
	Input        *Input
	Output       *Output
	Store        *Store
	Dropped      *Dropped
	AdvanceTime  *int64 // to, in milliseconds
	AdvanceClock int64  // by, in milliseconds
	Commit       bool
	Crash        bool
	LosingState  bool // of a crash
	Restart      bool
	EndOfInput   bool
	// Fails is what the step's error contains; "" if it does not fail.
	Fails string
}

// Input sends records.
type Input struct {
	Topic   string
	Records []Sent
}

// Sent is a record that is sent. nil is no key, or no value.
type Sent struct {
	Position
	Key, Value []byte
	Timestamp  int64
	Headers    []topology.Header
	Partition  int32 // -1: by key
}

// Output compares what was committed to a topic.
type Output struct {
	Topic   string
	at      Position
	order   string
	records []*expectation
	serdes  flow.Texts
}

// Texts are the serdes of the keys and values as JSON.
func (o *Output) Texts() flow.Texts { return o.serdes }

// Store compares what a store holds.
type Store struct {
	Name    string
	at      Position
	entries []*expectation
	serdes  flow.Texts
}

// Texts are the serdes of the keys and values as JSON.
func (s *Store) Texts() flow.Texts { return s.serdes }

// Dropped compares how many records a node has dropped.
type Dropped struct {
	Node    string
	at      Position
	reasons []reason
}

// reason is how many records were dropped for a reason.
type reason struct {
	name  string
	count int64
	at    Position
}

// expectation is a record or an entry that is expected: what is not set is not compared.
type expectation struct {
	at              Position
	key, value      *expected
	contains        bool // value has some of the fields alone
	time            *int64
	window, end     *int64 // of an entry
	timeAt          Position
	windAt, endAt   Position
	partition       int32 // -1: any
	partAt          Position
	headers         []topology.Header
	headersAt       Position
	comparesHeaders bool
}

// expected is a value that is expected, where it stands.
type expected struct {
	none bool // null: the record has none
	v    value.Value
	node *yaml.Node
}

// Got is a record of a topic or an entry of a store.
type Got struct {
	// Key and Value are JSON; nil is none.
	Key, Value json.RawMessage
	Timestamp  int64
	// Window and WindowEnd are the start and the end of the window, if the store has some.
	Window, WindowEnd int64
	Partition         int32
	Headers           []topology.Header

	key, value parsed
}

// parsed is a JSON text as a value, which is read once.
type parsed struct {
	done bool
	v    value.Value
	err  error
}

func (p *parsed) of(text jsonText) (value.Value, error) {
	if !p.done {
		p.done = true
		p.v, p.err = value.ParseJSON(text)
	}
	return p.v, p.err
}

// at is the place of a node.
func at(n *yaml.Node) Position { return position(yamlfile.At(n)) }

func position(p yamlfile.Position) Position { return Position{p.Line, p.Column} }
