package topology

import (
	"fmt"
	"reflect"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
)

// Topology collects the declaration of a stream program: sources, operators, sinks. It is made by
// one goroutine, with the methods of the handles that it returns ([Stream], [Table], ...), and
// checked by [Topology.Build].
//
// No method returns an error: mistakes are kept, with the file and line of the caller, and Build
// returns them all.
type Topology struct {
	name     string
	nodes    []*node
	counts   map[string]int // of stateless nodes by kind, for their names
	names    map[string]string
	stores   map[string]*storeDecl
	storeIDs []*storeDecl
	globals  []*globalDecl
	outputs  []*outputDecl
	serdes   map[reflect.Type]anySerde // those that were registered
	mistakes []error
	lost     []error // not empty: nobody builds it, and this is why
	pos      string
	config   config
}

// Option is an option of a topology: [KafkaStreamsTime].
type Option func(*config)

// config is what the options of a topology say.
type config struct {
	// clocks says that operators have clocks of their own, as in Kafka Streams.
	clocks bool
}

// KafkaStreamsTime makes each operator go by Kafka Streams' rules of time: its time is the largest
// timestamp that it has itself seen, and what that closes comes out with the record that has moved
// it. Results are those of Kafka Streams then, and depend as they do there on the order in which
// records of several inputs come; without this option they are a function of the input alone.
// docs/kafka-streams.md has the differences.
//
// It is part of what the instances of an application must agree in.
func KafkaStreamsTime(c *config) { c.clocks = true }

// Mistake is an error in the declaration of a topology.
type Mistake struct {
	// Pos is where it was made: file:line of the call. In a topology that was read from a file it
	// is the place there.
	Pos string
	// Node is the node's name, if it has one.
	Node string
	// Text says what is wrong and what to do.
	Text string
	// Unread says that the mistake is that nothing reads what is declared here. It may be the
	// consequence of something that was left out.
	Unread bool
}

// Error implements error.
func (m *Mistake) Error() string {
	if m.Node == "" {
		return m.Pos + ": " + m.Text
	}
	return m.Pos + ": " + m.Node + ": " + m.Text
}

// New returns an empty topology. Its name is the application's id unless that is configured
// otherwise, and the beginning of the names of all internal topics.
func New(name string, opts ...Option) *Topology {
	t := &Topology{name: name}
	t.init()
	if err := flow.CheckName(name); err != nil {
		mistakef(t, t.caller(), "", "the topology's name %q %s", name, err)
	}
	for _, o := range opts {
		if o == nil {
			mistakef(t, t.caller(), "", "an option is nil: leave it out")
			continue
		}
		o(&t.config)
	}
	return t
}

func (t *Topology) init() {
	t.counts = make(map[string]int)
	t.names = make(map[string]string)
	t.stores = make(map[string]*storeDecl)
	t.serdes = make(map[reflect.Type]anySerde)
}

// Register makes s the serde of all keys and values of type T that no other was given for. It may
// come after them.
func Register[T any](t *Topology, s serde.Serde[T]) {
	t = t.made()
	at := t.caller()
	typ := reflect.TypeFor[T]()
	if isNil(s) {
		mistakef(t, at, "", "the serde to register for %s is nil", typ)
		return
	}
	if _, ok := t.serdes[typ]; ok {
		mistakef(t, at, "", "a serde for %s is registered already: register one", typ)
		return
	}
	t.serdes[typ] = given(t, s, false)
}

// mistakef keeps a mistake. (It is no method: vet of Go 1.27.0 takes its being like Printf for that
// of another method, in packages that import this one.)
func mistakef(t *Topology, at, node, format string, args ...any) {
	t.mistakes = append(t.mistakes, &Mistake{Pos: at, Node: node, Text: fmt.Sprintf(format, args...)})
}

// caller returns where the topology's user called it.
func (t *Topology) caller() string {
	if t.pos != "" {
		return t.pos
	}
	at, _ := calledFrom()
	return at
}

// self is what the names of this package's functions begin with.
const self = "github.com/kolkstream/kolk/topology."

// isNil reports whether an interface is nil, or holds a nil pointer or function.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Func, reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface, reflect.Chan:
		return r.IsNil()
	}
	return false
}
