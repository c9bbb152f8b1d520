package processor_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

func copying(t *testing.T) *topology.Plan {
	t.Helper()
	top := topology.New("copy")
	top.Stream("in", serde.String(), serde.String()).To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestConfigDefaults(t *testing.T) {
	c := processor.Config{CommitInterval: 2 * time.Second, CacheBytes: 5}.WithDefaults(copying(t))
	for name, ok := range map[string]bool{
		"application id":      c.ApplicationID == "copy",
		"state dir":           c.StateDir == "kolk-state/copy",
		"workers":             c.Workers == runtime.GOMAXPROCS(0),
		"replication factor":  c.ReplicationFactor == -1,
		"commit interval":     c.CommitInterval == 2*time.Second, // given
		"cache":               c.CacheBytes == 5,
		"commit min":          c.CommitMin == 10*time.Millisecond,
		"transaction timeout": c.TransactionTimeout == 20*time.Second, // ten intervals
		"guarantee":           c.Guarantee == processor.ExactlyOnce,
		"policy":              c.OnError == processor.Fail,
		"logger and clock":    c.Logger != nil && c.Clock != nil,
	} {
		if !ok {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if c := (processor.Config{CommitInterval: time.Millisecond}).WithDefaults(copying(t)); c.CommitMin != time.Millisecond || c.TransactionTimeout != 10*time.Second {
		t.Errorf("commit min %v, transaction timeout %v", c.CommitMin, c.TransactionTimeout)
	}
}

func TestConfigValidate(t *testing.T) {
	for want, change := range map[string]func(c *processor.Config){
		"":                   func(*processor.Config) {},
		"Brokers":            func(c *processor.Config) { c.Brokers = nil },
		"ApplicationID":      func(c *processor.Config) { c.ApplicationID = "a/b" },
		"Workers":            func(c *processor.Config) { c.Workers = -1 },
		"CommitInterval":     func(c *processor.Config) { c.CommitInterval = -1 },
		"CommitMin":          func(c *processor.Config) { c.CommitMin = time.Hour },
		"TransactionTimeout": func(c *processor.Config) { c.TransactionTimeout = 150 * time.Millisecond },
		"ReplicationFactor":  func(c *processor.Config) { c.ReplicationFactor = -2 },
		"Guarantee":          func(c *processor.Config) { c.Guarantee = 7 },
		"Memory":             func(c *processor.Config) { c.Workers, c.Memory = 3, 47<<20 },
		"CacheBytes":         func(c *processor.Config) { c.CacheBytes = 200 << 20 },
		"TaskTimeout":        func(c *processor.Config) { c.TaskTimeout = -1 },
		"ShutdownTimeout":    func(c *processor.Config) { c.ShutdownTimeout = -1 },
	} {
		c := processor.Config{Brokers: []string{"localhost:9092"}}
		change(&c)
		_, err := processor.New(copying(t), c)
		switch {
		case want == "" && err != nil:
			t.Error(err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), "config: "+want+":")):
			t.Errorf("%s: error %v", want, err)
		}
	}
	if _, err := processor.New(nil, processor.Config{}); err == nil {
		t.Error("no plan: no error")
	}
	_, err := processor.New(copying(t), processor.Config{Workers: -1, Guarantee: 7})
	for _, field := range []string{"Brokers", "Workers", "Guarantee"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not in %v", field, err)
		}
	}
}

// TestNamesThatKafkaRefuses are found before any topic is created: other brokers take them.
func TestNamesThatKafkaRefuses(t *testing.T) {
	build := func(store, out string) *topology.Plan {
		top := topology.New("names")
		top.Stream("in", serde.String(), serde.String()).GroupByKey().Count(store).ToStream().To(out)
		plan, err := top.Build()
		if err != nil {
			t.Fatal(err)
		}
		return plan
	}
	for _, c := range []struct{ app, store, out, want string }{
		{"app", "counts", "out", ""},
		{strings.Repeat("a", 240), "counts", "out", "at most 249"},
		{"app", "a.b", "app-a_b-changelog", "differ in '.' and '_' only"},
	} {
		_, err := processor.New(build(c.store, c.out), processor.Config{Brokers: []string{"localhost:9092"}, ApplicationID: c.app})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "store "+c.store)) {
			t.Errorf("%.20s, %.20s: %v", c.app, c.store, err)
		}
	}
}

// TestTooManyStores finds out before anything runs that a commit could not say where all changelogs
// of a task end.
func TestTooManyStores(t *testing.T) {
	for n, want := range map[int]bool{20: true, 30: false} {
		top := topology.New("stores")
		s := top.Stream("in", serde.String(), serde.String())
		for i := range n {
			s.ToTable(strings.Repeat("s", 80) + string(rune('a'+i%26)) + string(rune('a'+i/26)))
		}
		plan, err := top.Build()
		if err != nil {
			t.Fatal(err)
		}
		_, err = processor.New(plan, processor.Config{Brokers: []string{"localhost:9092"}})
		if ok := err == nil; ok != want {
			t.Errorf("%d stores: %v", n, err)
		}
		if err != nil && !strings.Contains(err.Error(), "sub-topology in has too many stores, or their names are too long: checkpoint: commit metadata is too long: ") {
			t.Error(err)
		}
	}
}

// TestDefaultsOnALargeMachine has more processors than the default of Memory suffices for, at one
// worker each: the defaults fit each other.
func TestDefaultsOnALargeMachine(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(64))
	c := processor.Config{Brokers: []string{"localhost:9092"}}.WithDefaults(copying(t))
	if err := c.Validate(); err != nil || c.Workers != 16 {
		t.Errorf("%d workers, %v", c.Workers, err)
	}
	c = processor.Config{Brokers: []string{"localhost:9092"}, Memory: 2 << 30}.WithDefaults(copying(t))
	if err := c.Validate(); err != nil || c.Workers != 64 {
		t.Errorf("%d workers, %v", c.Workers, err)
	}
}
