package topology_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// A processor sends to several outputs, each with types of its own, in the order in which it does,
// and reads a global table.
func TestOutputsOfAProcessor(t *testing.T) {
	tp, s := text()
	names := tp.GlobalTable("names", serde.String(), serde.String())
	lengths := tp.Output[string, int64]("lengths")
	unknown := tp.Output[string, string]("unknown")
	s.ProcessFunc("p", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
		c.Forward(*r)
		lengths.Open(c).Forward(topology.Record[string, int64]{Key: r.Key, Value: int64(len(r.Value)), Timestamp: r.Timestamp})
		name, ok, err := names.Open(c).Get(r.Key)
		if err != nil || !ok {
			unknown.Open(c).Forward(*r)
			return err
		}
		c.Forward(r.With(name, r.Value))
		return nil
	}, lengths, unknown, names).To("out")
	lengths.Stream().MapValues(letters).To("lengths")
	unknown.Stream().MarkPartitioned().GroupByKey().Count("n").EachUpdate().ToStream().MapValues(letters).To("counts")
	r := newRig(t, tp)
	r.globals["names"].set("a", "Ann")
	r.in(msg("in", "a", "xy", 1), msg("in", "b", "z", 2))
	r.want("out a:xy @1", "lengths a:xx @1", "out Ann:xy @1", "out b:z @2", "lengths b:x @2", "counts b:x @2")
}

// What a processor was not given it cannot open, and the task says so.
func TestOpenWhatWasNotGiven(t *testing.T) {
	for name, open := range map[string]func(tp *topology.Topology) (func(topology.Opener), topology.Resource){
		"output out2": func(tp *topology.Topology) (func(topology.Opener), topology.Resource) {
			o := tp.Output[string, string]("out2")
			return func(c topology.Opener) { o.Open(c).Forward(topology.Record[string, string]{}) }, o
		},
		"global table names": func(tp *topology.Topology) (func(topology.Opener), topology.Resource) {
			g := tp.GlobalTable("names", serde.String(), serde.String())
			return func(c topology.Opener) {
				if _, ok, err := g.Open(c).Get("k"); ok || err == nil {
					t.Error("it reads a table that it was not given")
				}
			}, g
		},
	} {
		tp, s := text()
		use, resource := open(tp)
		s.ProcessFunc("p", func(c topology.Context[string, string], _ *topology.Record[string, string]) error {
			use(c)
			return nil
		}).To("out")
		s.ProcessFunc("q", func(topology.Context[string, string], *topology.Record[string, string]) error { return nil }, resource).Discard()
		if o, ok := resource.(topology.OutputRef[string, string]); ok {
			o.Stream().Discard()
		}
		r := newRig(t, tp)
		err := r.try(msg("in", "k", "v", 1))
		if want := "processor p: " + name + " was not given to this processor: add it to the arguments of Process"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A schedule that was ended is called no more, though the processor asks for it again.
func TestUnschedule(t *testing.T) {
	tp, s := text()
	s.Process("p", func(c topology.Context[string, string]) topology.Processor[string, string] {
		if err := c.Schedule("tick", topology.StreamTime, time.Second, func(at int64) error {
			c.Forward(topology.Record[string, string]{Key: "tick", Timestamp: at})
			c.Unschedule("tick")
			return nil
		}); err != nil {
			c.Stop(err)
		}
		return none{}
	}).To("out")
	r := newRig(t, tp)
	r.in(msg("in", "k", "v", 900), msg("in", "k", "v", 1100), msg("in", "k", "v", 2100))
	r.want("out tick: @1000")
}

// none is a processor that does nothing.
type none struct{}

func (none) Process(*topology.Record[string, string]) error { return nil }

func TestMistakesOfOutputs(t *testing.T) {
	process := func(s stream, name string, resources ...topology.Resource) {
		s.ProcessFunc(name, func(topology.Context[string, string], *topology.Record[string, string]) error { return nil }, resources...).Discard()
	}
	for name, test := range map[string]struct {
		build func(tp *topology.Topology, s stream)
		want  string
	}{
		"zero": {func(tp *topology.Topology, s stream) { process(s, "p", topology.OutputRef[string, string]{}) },
			"p: an output is the zero value: use what Topology.Output has returned"},
		"zero table": {func(tp *topology.Topology, s stream) { process(s, "p", topology.GlobalTable[string, string]{}) },
			"p: a global table is the zero value: use what Topology.GlobalTable has returned"},
		"of another topology": {func(tp *topology.Topology, s stream) {
			process(s, "p", topology.New("other").Output[string, string]("o"))
		}, `p: output o belongs to another topology, "other": declare it in this one`},
		"twice": {func(tp *topology.Topology, s stream) {
			o := tp.Output[string, string]("o")
			process(s, "p", o)
			process(s, "q", o)
			o.Stream().To("out")
		}, "q: output o was given to a processor before: declare one for each"},
		"too early": {func(tp *topology.Topology, s stream) {
			o := tp.Output[string, string]("o")
			o.Stream().To("out")
			process(s, "p", o)
		}, "o: this output was not given to a processor yet: call Process first"},
		"given to none": {func(tp *topology.Topology, s stream) {
			tp.Output[string, string]("o")
			s.To("out")
		}, "o: no processor sends to this output: give it to Process, or remove it"},
		"read by none": {func(tp *topology.Topology, s stream) {
			process(s, "p", tp.Output[string, string]("o"))
		}, "o: the records end here, and nothing is done with them: write them with To, or call Discard if that is meant"},
	} {
		tp, s := text()
		test.build(tp, s)
		if _, err := tp.Build(); err == nil || !strings.Contains(err.Error(), "outputs_test.go:") || !strings.HasSuffix(strings.Split(err.Error(), "\n")[0], test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}
