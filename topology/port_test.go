package topology

import (
	"strings"
	"sync"
	"testing"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
)

// sending is a task that counts what its operators send.
type sending struct {
	flow.Task
	sent int
}

func (s *sending) Send(*flow.Sink, int32, []byte, []byte, int64, int64, []byte, []Header) error {
	s.sent++
	return nil
}

// Many tasks make their graphs at the same time, while the topology is extended. Each finds its own
// operators behind a port, in the order of declaration, and ports keep none of them.
func TestPortsOfManyGraphs(t *testing.T) {
	tp := New("test")
	s := tp.Stream("in", serde.String(), serde.String())
	long := s.Filter(func(v string) bool { return len(v) > 1 })
	merged := long.Merge(s, long, s.MapValues(strings.ToUpper))
	split := merged.Split("split")
	some := split.Branch("some", func(v string) bool { return v != "" })
	some.To("out")
	split.Rest().To("rest")
	plan, err := tp.Build()
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() { // what is declared now is of no plan
		split.Branch("late", func(string) bool { return true }).To("late")
		s.To("late-too")
	})
	for range 8 {
		all.Go(func() {
			for range 50 {
				task := new(sending)
				g, err := plan.ForRuntime(flow.Key{}).NewGraph(plan.ForRuntime(flow.Key{}).SubTopologies[0], task)
				if err != nil {
					t.Error(err)
					return
				}
				for _, value := range []string{"a", "bc", ""} {
					m := &flow.Message{Key: []byte("k"), Value: []byte(value)}
					if err := g.Sources["in"].Receive(m); err != nil {
						t.Error(err)
						return
					}
				}
				if task.sent != 2+3+2 { // what is long comes once more
					t.Errorf("%d records were sent", task.sent)
					return
				}
			}
		})
	}
	all.Wait()
	if n := len(split.ways.of); n != 0 {
		t.Errorf("the split holds the ways of %d graphs", n)
	}
	for i, p := range []*port[string, string]{s.out, long.out, merged.out, some.out} {
		if n := len(p.readers.of); n != 0 {
			t.Errorf("port %d holds the readers of %d graphs", i, n)
		}
	}
}

// A graph that fails leaves nothing in the ports either.
func TestPortsOfFailedGraph(t *testing.T) {
	tp := New("test")
	s := tp.Stream("in", serde.String(), serde.String())
	table := s.ToTable("table")
	made := s.Process("p", func(Context[string, string]) Processor[string, string] { return nil })
	made.To("out")
	s.To("as-they-are") // is made before the processor
	table.ToStream().To("updates")
	plan, err := tp.Build()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.ForRuntime(flow.Key{}).NewGraph(plan.ForRuntime(flow.Key{}).SubTopologies[0], new(sending)); err == nil || !strings.Contains(err.Error(), "returned nil") {
		t.Fatalf("got %v", err)
	}
	for i, p := range []*port[string, string]{s.out, made.out, table.out} {
		if n := len(p.readers.of); n != 0 {
			t.Errorf("port %d holds the readers of %d graphs", i, n)
		}
	}
}
