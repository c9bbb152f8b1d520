package testfile

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/text"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/suggest"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// Failure is something that is not as a test expects.
type Failure struct {
	// Position is where the file says otherwise.
	Position
	// Message says what it is about: "output totals, record 2 of 3: value.amount".
	Message string
	// Expected and Got are what is different, as text; "" where there is nothing.
	Expected, Got string
	// Record is the whole of the record or the entry that came, if Got is a part of it.
	Record string
}

// difference is a part of a record that is not as it is expected.
type difference struct {
	at            Position
	what          string
	expected, got string
}

// compare returns in what a record differs from what is expected; nothing if it is as expected.
func (x *expectation) compare(got *Got) (d []difference) {
	differ := func(at Position, what, expected, got string) {
		d = append(d, difference{at, what, expected, got})
	}
	if x.key != nil {
		x.key.compare("key", got.Key, &got.key, false, differ)
	}
	if x.window != nil && *x.window != got.Window {
		differ(x.windAt, "window", text.Time(*x.window), text.Time(got.Window))
	}
	if x.end != nil && *x.end != got.WindowEnd {
		differ(x.endAt, "window-end", text.Time(*x.end), text.Time(got.WindowEnd))
	}
	if x.value != nil {
		x.value.compare("value", got.Value, &got.value, x.contains, differ)
	}
	if x.time != nil && *x.time != got.Timestamp {
		differ(x.timeAt, "time", text.Time(*x.time), text.Time(got.Timestamp))
	}
	if x.comparesHeaders && !slices.EqualFunc(x.headers, got.Headers, sameHeader) {
		differ(x.headersAt, "headers", text.Headers(x.headers), text.Headers(got.Headers))
	}
	if x.partition >= 0 && x.partition != got.Partition {
		differ(x.partAt, "partition", strconv.Itoa(int(x.partition)), strconv.Itoa(int(got.Partition)))
	}
	return d
}

func sameHeader(a, b topology.Header) bool {
	return a.Key == b.Key && (a.Value == nil) == (b.Value == nil) && bytes.Equal(a.Value, b.Value)
}

func (x *expected) compare(what string, got jsonText, as *parsed, contains bool, differ func(at Position, what, expected, got string)) {
	switch {
	case x.none && got == nil:
		return
	case x.none:
		differ(at(x.node), what, "none", string(got))
		return
	case got == nil:
		differ(at(x.node), what, show(x.v), "none")
		return
	}
	v, err := as.of(got)
	if err != nil {
		differ(at(x.node), what, show(x.v), string(got))
		return
	}
	walk(what, x.node, x.v, v, contains, differ)
}

// walk compares two values part by part. n is where the expected one stands, nil if nowhere.
func walk(path string, n *yaml.Node, want, got value.Value, contains bool, differ func(at Position, what, expected, got string)) {
	here := func(of *yaml.Node) Position {
		if of == nil {
			of = n
		}
		return at(of)
	}
	switch want := want.(type) {
	case *value.Object:
		got, ok := got.(*value.Object)
		if !ok {
			break
		}
		for _, f := range want.Fields() {
			name, of := member(n, f.Name)
			v, ok := got.Get(f.Name)
			if !ok {
				differ(here(name), path+"."+f.Name, show(f.Value), "no such field"+suggest.For(f.Name, others(got, want)))
				continue
			}
			walk(path+"."+f.Name, or(of, n), f.Value, v, contains, differ)
		}
		for _, f := range got.Fields() {
			if _, ok := want.Get(f.Name); !ok && !contains {
				differ(here(nil), path+"."+f.Name, "no such field", show(f.Value))
			}
		}
		return
	case []value.Value:
		got, ok := got.([]value.Value)
		if !ok || len(got) != len(want) {
			break
		}
		for i := range want {
			var of *yaml.Node
			if n.Kind == yaml.SequenceNode && i < len(n.Content) {
				of = n.Content[i]
			}
			walk(fmt.Sprintf("%s[%d]", path, i), or(of, n), want[i], got[i], false, differ)
		}
		return
	}
	if !value.Equal(want, got) {
		differ(here(nil), path, show(want), show(got))
	}
}

// others are the fields of an object that another one has not.
func others(of, than *value.Object) (names []string) {
	for _, f := range of.Fields() {
		if _, ok := than.Get(f.Name); !ok {
			names = append(names, f.Name)
		}
	}
	return names
}

// member finds a field of a mapping: its name and its value.
func member(n *yaml.Node, field string) (name, of *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		for k, v := range pairs(n) {
			if k.Value == field {
				return k, v
			}
		}
	}
	return nil, nil
}

func or(n, other *yaml.Node) *yaml.Node {
	if n != nil {
		return n
	}
	return other
}

// show is a value as JSON.
func show(v value.Value) string {
	b, err := value.AppendJSON(nil, v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// String returns what is expected in the form of what comes.
func (x *expectation) String() string {
	var parts []string
	add := func(name, text string) { parts = append(parts, name+": "+text) }
	of := func(e *expected) string {
		if e.none {
			return "none"
		}
		return show(e.v)
	}
	if x.key != nil {
		add("key", of(x.key))
	}
	if x.window != nil {
		add("window", text.Time(*x.window))
	}
	if x.end != nil {
		add("window-end", text.Time(*x.end))
	}
	switch {
	case x.value != nil && x.contains:
		add("contains", of(x.value))
	case x.value != nil:
		add("value", of(x.value))
	}
	if x.time != nil {
		add("time", text.Time(*x.time))
	}
	if x.comparesHeaders {
		add("headers", text.Headers(x.headers))
	}
	if x.partition >= 0 {
		add("partition", strconv.Itoa(int(x.partition)))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// record returns a record of a topic as text, in the form of the file.
func (g *Got) record(several bool) string {
	key, val := "none", "none"
	if g.Key != nil {
		key = string(g.Key)
	}
	if g.Value != nil {
		val = string(g.Value)
	}
	s := "{key: " + key + ", value: " + val + ", time: " + text.Time(g.Timestamp)
	if len(g.Headers) > 0 {
		s += ", headers: " + text.Headers(g.Headers)
	}
	if several {
		s += ", partition: " + strconv.Itoa(int(g.Partition))
	}
	return s + "}"
}

// entry returns an entry of a store as text.
func (g *Got) entry(spec flow.StoreSpec, several bool) string {
	s := "{key: " + string(g.Key)
	if spec.Kind.Windowed() {
		s += ", window: " + text.Time(g.Window)
	}
	if spec.Kind == flow.SessionStore {
		s += ", window-end: " + text.Time(g.WindowEnd)
	}
	s += ", value: " + string(g.Value)
	if spec.Timestamped {
		s += ", time: " + text.Time(g.Timestamp)
	}
	if several {
		s += ", partition: " + strconv.Itoa(int(g.Partition))
	}
	return s + "}"
}
