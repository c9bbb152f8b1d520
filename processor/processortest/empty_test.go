package processortest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// plainText is a serde of strings that tells empty bytes from none, and returns nil for nothing
// that is appended to nothing.
type plainText struct{}

func (plainText) Name() string                                { return "plain-text" }
func (plainText) Append(dst []byte, v string) ([]byte, error) { return append(dst, v...), nil }
func (plainText) Decode(src []byte) (string, error) {
	if src == nil {
		return "", errors.New("asked to decode what is not there")
	}
	return string(src), nil
}

// name is a text whose zero value is none: who takes a key that was not decoded for one finds out.
type name struct {
	text  string
	known bool
}

type names struct{}

func (names) Name() string { return "name" }

func (names) Append(dst []byte, v name) ([]byte, error) {
	if !v.known {
		return nil, errors.New("asked to encode what is not there")
	}
	return append(dst, v.text...), nil
}

func (names) Decode(src []byte) (name, error) {
	v, err := plainText{}.Decode(src)
	return name{v, err == nil}, err
}

// message is a key and a value as they lie in a topic; nil is none.
type message struct{ key, value *string }

func (m message) String() string { return quoted(m.key) + "=" + quoted(m.value) }

func quoted(s *string) string {
	if s == nil {
		return "null"
	}
	return fmt.Sprintf("%q", *s)
}

func given(s string) *string { return &s }

func sent(s *string) []byte {
	if s == nil {
		return nil
	}
	return []byte(*s)
}

// emptyPath is a way of keys and values through a topology, and what a plain loop makes of the same
// messages.
type emptyPath struct {
	name  string
	build func(*topology.Topology)
	want  func([]message) []message
}

// kept is the messages that have a key (with needKey) and a value (with needValue).
func kept(in []message, needKey, needValue bool) (out []message) {
	for _, m := range in {
		if (m.key != nil || !needKey) && (m.value != nil || !needValue) {
			out = append(out, m)
		}
	}
	return out
}

func counted(in []message, key func(message) *string) (out []message) {
	n := map[string]int{}
	for _, m := range in {
		k := key(m)
		n[*k]++
		out = append(out, message{k, given(fmt.Sprint(n[*k]))})
	}
	return out
}

func ownKey(m message) *string { return m.key }

func number(n int64) string { return fmt.Sprint(n) }

var text = plainText{}

func emptyPaths() []emptyPath {
	in := func(top *topology.Topology) topology.Stream[string, string] { return top.Stream("in", text, text) }
	named := func(top *topology.Topology) topology.Stream[name, string] { return top.Stream("in", names{}, text) }
	all := func(m []message) []message { return m }
	records := func(m []message) []message { return kept(m, true, true) }
	counts := func(m []message) []message { return counted(records(m), ownKey) }
	return []emptyPath{
		{"as they came", func(top *topology.Topology) { in(top).To("out") }, all},
		{"decoded", func(top *topology.Topology) {
			in(top).MapRecords(func(r *topology.Record[string, string]) topology.Record[string, string] { return *r }).To("out")
		}, all},
		{"values mapped", func(top *topology.Topology) {
			in(top).MapValues(func(v string) string { return v }).To("out")
		}, all},
		{"key from value", func(top *topology.Topology) {
			in(top).SelectKey(func(v string) string { return v }).To("out")
		}, func(m []message) (out []message) {
			for _, m := range kept(m, false, true) {
				out = append(out, message{m.value, m.value})
			}
			return out
		}},
		{"counted, updates", func(top *topology.Topology) {
			named(top).GroupByKey().Count("c").ToStream().MapValues(number).To("out")
		}, counts},
		{"counted, each update", func(top *topology.Topology) {
			named(top).GroupByKey().Count("c").EachUpdate().ToStream().MapValues(number).To("out")
		}, counts},
		{"counted behind a repartition", func(top *topology.Topology) {
			named(top).GroupBy("g", func(v string) name { return name{v, true} }, topology.KeySerde[name](names{})).Count("c").ToStream().MapValues(number).To("out")
		}, func(m []message) []message {
			return counted(kept(m, false, true), func(m message) *string { return m.value })
		}},
		{"the last value", func(top *topology.Topology) {
			named(top).GroupByKey().Reduce("r", func(_, v string) string { return v }).ToStream().To("out")
		}, records},
		{"deleted by value", func(top *topology.Topology) {
			in(top).GroupByKey().AggregateWith("a", topology.FoldOpt(func(_ topology.Opt[string], v string) topology.Opt[string] {
				return topology.Opt[string]{Value: v, OK: v != "x"}
			}), topology.ValueSerde[string](text)).ToStream().To("out")
		}, func(m []message) (out []message) {
			for _, m := range records(m) {
				if *m.value == "x" {
					m.value = nil
				}
				out = append(out, m)
			}
			return out
		}},
		{"table, updates", func(top *topology.Topology) { named(top).ToTable("t").ToStream().To("out") },
			func(m []message) []message { return kept(m, true, false) }},
		{"table, each update", func(top *topology.Topology) { named(top).ToTable("t").EachUpdate().ToStream().To("out") },
			func(m []message) []message { return kept(m, true, false) }},
		{"windows, updates", func(top *topology.Topology) {
			in(top).GroupByKey().Window(topology.Tumbling(time.Hour)).Count("w").Updates().
				Stream(func(_ topology.Window, k string) string { return k }).WithKeySerde(text).MapValues(number).To("out")
		}, counts},
		{"windows, each update", func(top *topology.Topology) {
			in(top).GroupByKey().Window(topology.Tumbling(time.Hour)).Reduce("w", func(_, v string) string { return v }).EachUpdate().
				Stream(func(_ topology.Window, k string) string { return k }).WithKeySerde(text).To("out")
		}, records},
		{"processor with a store", func(top *topology.Topology) {
			store := top.Store("s", text, text)
			in(top).ProcessFunc("p", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
				if r.NoKey {
					return nil
				}
				s := store.Open(c)
				was, ok, err := s.Get(r.Key)
				if err != nil {
					return err
				}
				if r.NoValue {
					err = s.Delete(r.Key)
				} else {
					err = s.Put(r.Key, r.Value)
				}
				if err != nil {
					return err
				}
				show := fmt.Sprint(ok, was)
				for _, hi := range []topology.Opt[string]{{Value: r.Key, OK: true}, {}} {
					if err := s.Range(topology.Opt[string]{}, hi, func(k, v string) bool {
						show += fmt.Sprintf(" %q:%q", k, v)
						return true
					}); err != nil {
						return err
					}
					show += ";"
				}
				c.Forward(r.With(r.Key, show))
				return nil
			}, store).To("out")
		}, func(m []message) (out []message) {
			rows := map[string]string{}
			for _, m := range kept(m, true, false) {
				was, ok := rows[*m.key]
				if m.value == nil {
					delete(rows, *m.key)
				} else {
					rows[*m.key] = *m.value
				}
				show := fmt.Sprint(ok, was)
				for _, below := range []bool{true, false} {
					for _, k := range []string{"", "a"} {
						if v, ok := rows[k]; ok && (!below || k < *m.key) {
							show += fmt.Sprintf(" %q:%q", k, v)
						}
					}
					show += ";"
				}
				out = append(out, message{m.key, &show})
			}
			return out
		}},
	}
}

// every calls fn with each sequence of up to n messages: empty, missing and other keys and values,
// in every order.
func every(n int, fn func([]message)) {
	kinds := []message{{given(""), given("")}, {given(""), nil}, {nil, given("")}, {given("a"), given("")}, {given("a"), nil},
		{given(""), given("x")}, {nil, nil}}
	var seq []message
	var more func()
	more = func() {
		if len(seq) > 0 {
			fn(seq)
		}
		if len(seq) == n {
			return
		}
		for _, k := range kinds {
			seq = append(seq, k)
			more()
			seq = seq[:len(seq)-1]
		}
	}
	more()
}

// An empty key or value is not a missing one, wherever it comes: first, alone, after others, after
// a restore.
func TestEmptyIsNotMissing(t *testing.T) {
	modes := []struct {
		name  string
		opts  Options
		crash bool
	}{{"cached", Options{}, false}, {"without cache", Options{CacheBytes: -1}, false}, {"restored", Options{}, true}}
	for _, p := range emptyPaths() {
		t.Run(p.name, func(t *testing.T) {
			plan := planOf(p.build)(t)
			for _, mode := range modes {
				every(2, func(seq []message) {
					if t.Failed() {
						return
					}
					d := New(t, plan, mode.opts)
					for i, m := range seq {
						if err := d.TryPipe("in", sent(m.key), sent(m.value), 1); err != nil {
							t.Fatalf("%s %v: %v", mode.name, seq, err)
						}
						if mode.crash && i == 0 {
							d.CrashLosingState()
						}
					}
					d.Commit()
					var got []message
					for _, log := range d.cluster.topics["out"] {
						for _, r := range log {
							if !r.Attrs.IsControl() {
								got = append(got, message{asText(r.Key), asText(r.Value)})
							}
						}
					}
					if g, w := fmt.Sprint(got), fmt.Sprint(p.want(seq)); g != w {
						t.Errorf("%s %v:\n got %v\nwant %v", mode.name, seq, g, w)
					}
				})
			}
		})
	}
}

func asText(b []byte) *string {
	if b == nil {
		return nil
	}
	return given(string(b))
}

// What joins find under an empty key, and an empty value that they find, are there.
func TestEmptyIsNotMissingInJoins(t *testing.T) {
	found := func(v string, o topology.Opt[string]) string { return fmt.Sprintf("%s %v %q", v, o.OK, o.Value) }
	for name, build := range map[string]func(*topology.Topology){
		"table": func(top *topology.Topology) {
			table := top.Table("table", text, text)
			top.Stream("in", text, text).Join("j", table, topology.Left(found)).To("out")
		},
		"global": func(top *topology.Topology) {
			table := top.GlobalTable("table", text, text)
			top.Stream("in", text, text).
				JoinGlobal("j", table, func(v string) string { return v }, topology.Left(found)).To("out")
		},
	} {
		plan := planOf(build)(t)
		every(2, func(seq []message) {
			if t.Failed() {
				return
			}
			d := New(t, plan, Options{LiveWithin: -1})
			rows := map[string]string{}
			for _, m := range seq {
				d.Append("table", sent(m.key), sent(m.value), 1)
				switch {
				case m.key == nil:
				case m.value == nil:
					delete(rows, *m.key)
				default:
					rows[*m.key] = *m.value
				}
			}
			var want []string
			for _, k := range []string{"", "a"} {
				d.Append("in", []byte(k), []byte(k), 2)
				v, ok := rows[k]
				want = append(want, fmt.Sprintf("%s %v %q", k, ok, v))
			}
			d.EndOfInput()
			var got []string
			for _, r := range d.Output("out", text, text).Records() {
				got = append(got, r.Value)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s %v:\n got %q\nwant %q", name, seq, got, want)
			}
		})
	}
}

// Final results of the empty key are results like all others.
func TestEmptyKeyInFinalResults(t *testing.T) {
	for _, cache := range []int64{1 << 20, -1} {
		d := New(t, planOf(func(top *topology.Topology) {
			top.Stream("in", text, text).GroupByKey().Window(topology.Tumbling(time.Hour)).
				Reduce("w", func(_, v string) string { return v }).Final().
				Stream(func(_ topology.Window, k string) string { return k }).WithKeySerde(text).To("out")
		})(t), Options{CacheBytes: cache})
		d.Pipe("in", []byte{}, []byte{}, 1)
		d.Pipe("in", []byte("a"), []byte{}, 2)
		d.EndOfInput()
		equal(t, "results", show(d.Output("out", text, text).Records()), "=@1", "a=@2")
	}
}

// Headers keep whether they have a value, also where an operator holds a record back until the
// commit.
func TestEmptyHeaders(t *testing.T) {
	for name, build := range map[string]func(*topology.Topology){
		"passed": func(top *topology.Topology) { top.Stream("in", serde.String(), serde.String()).To("out") },
		"held": func(top *topology.Topology) {
			top.Stream("in", serde.String(), serde.String()).ToTable("t").ToStream().To("out")
		},
		"repartitioned": func(top *topology.Topology) {
			top.Stream("in", serde.String(), serde.String()).GroupBy("g", strings.Clone).
				Reduce("r", func(_, v string) string { return v }).ToStream().To("out")
		},
	} {
		for _, values := range [][][]byte{{{}}, {nil}, {{}, nil}, {nil, {}}, {{}, []byte("x")}, {[]byte("x"), {}}} {
			d := New(t, planOf(build)(t), Options{})
			var hs []topology.Header
			for _, v := range values {
				hs = append(hs, topology.Header{Key: "h", Value: v})
			}
			d.Pipe("in", []byte("k"), []byte("v"), 1, hs...)
			d.Commit()
			got := d.Output("out", serde.String(), serde.String()).Records()
			if len(got) != 1 || fmt.Sprintf("%#v", got[0].Headers) != fmt.Sprintf("%#v", hs) {
				t.Errorf("%s: %#v became %#v", name, hs, got)
			}
		}
	}
}
