package kafkastreams

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testCase is a topology, what is done with it, and what Kafka Streams made of that.
type testCase struct {
	Name     string
	Quirk    string
	Topology []node
	Steps    []step
	Expect   []output
	Stores   map[string][]entry
	// Error: the topology fails at this step.
	Error *struct{ After int }
	// Alt is what Kafka Streams would put out but for a defect that the case shows: that is what is
	// compared.
	Alt *struct {
		Expect []output
		Stores map[string][]entry
		Error  *struct{ After int }
	}
}

// node is a node of the topology; its inputs stand before it.
type node struct {
	ID, Op             string
	In                 []string
	Topic, TopicFn     string
	Topics             []string
	TimestampExtractor string
	Store              string
	Pred               string
	Fn, KeyFn, ValueFn string
	Branches           []struct{ ID, Pred string }
	Default            string
	Key                string // of toStream
	Type               string // of windows and joins
	SizeMs, AdvanceMs  int64
	GapMs, DiffMs      int64
	GraceMs            *int64
	BeforeMs, AfterMs  int64  // of a stream join
	HistoryMs          *int64 // of a versioned table
	RetentionMs        *int64
	Emit               string
	Until, WhenFull    string // of suppress
	LimitMs            int64
	MaxRecords         *int64
	Reducer            string
	Init               *string
	Aggregator, Merger string
	Aggregators        []string // of a co-group
	Adder, Subtractor  string   // of a grouped table
	Joiner             string
	Fk                 string // of joins by a foreign key
}

// step pipes a record into a topic.
type step struct {
	Topic      string
	Key, Value *string
	Ts         int64
	Headers    [][2]*string
	Wallclock  *int64
}

// output is a record that came out in a step.
type output struct {
	After      int
	Topic      string
	Key, Value *string
	Ts         int64
	Headers    [][2]*string
}

// entry is an entry of a store at the end. Those of windows have a Start, those of sessions an End.
type entry struct {
	Key        string
	Value      *string
	Ts         *int64
	Start, End *int64
}

// grace returns the grace of windows, 0 without one.
func (n node) grace() int64 {
	if n.GraceMs == nil {
		return 0
	}
	return *n.GraceMs
}

// hasNulls reports whether some record may have no value: one that is piped in, or one that an
// operator makes.
func (c testCase) hasNulls() bool {
	makes := func(n node) bool {
		switch n.Op {
		case "mapValues", "map":
			fn, _ := cut(n.Fn + n.ValueFn)
			return slices.Contains([]string{"null", "field", "keyField", "nullIf", "keyNullIf", "firstChar", "keyFirstChar", "key"}, fn)
		case "flatMap":
			return true
		case "streamJoin", "streamTableJoin", "streamGlobalJoin":
			return slices.Contains([]string{"left", "right", "nullIfRightNull", "nullIfEqual"}, n.Joiner)
		case "table", "toTable", "toStream":
			return true // deletes
		}
		return false
	}
	return slices.ContainsFunc(c.Steps, func(s step) bool { return s.Wallclock == nil && s.Value == nil }) || slices.ContainsFunc(c.Topology, makes)
}

// families returns the files of cases by family: those of testdata, or of the directory
// KOLK_ORACLE.
func families(t *testing.T) map[string]string {
	t.Helper()
	dir := "testdata"
	if given := os.Getenv("KOLK_ORACLE"); given != "" {
		dir = given
	}
	all := make(map[string]string)
	for _, ending := range []string{".jsonl", ".jsonl.gz"} {
		files, err := filepath.Glob(filepath.Join(dir, "*"+ending))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			all[strings.TrimSuffix(filepath.Base(file), ending)] = file
		}
	}
	if len(all) == 0 {
		t.Fatalf("no cases in %s", dir)
	}
	return all
}

// cases reads all cases of a family.
func cases(t *testing.T, file string) []testCase {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var text io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if text, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	var all []testCase
	for dec := json.NewDecoder(text); dec.More(); {
		var c testCase
		if err := dec.Decode(&c); err != nil {
			t.Fatal(err)
		}
		if c.Alt != nil {
			c.Expect, c.Stores, c.Error = c.Alt.Expect, c.Alt.Stores, c.Alt.Error
		}
		all = append(all, c)
	}
	return all
}

// list is a file of names of cases, under titles that say why they are there. A name that ends in a
// slash is the beginning of others.
type list struct {
	file string
	why  map[string]string
	met  map[string]bool
}

func readList(t *testing.T, file string) *list {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	l := &list{file: file, why: make(map[string]string), met: make(map[string]bool)}
	reason := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch title, ok := strings.CutPrefix(line, "# "); {
		case ok:
			reason = title
		case line != "":
			l.why[line] = reason
		}
	}
	return l
}

// find returns why a case is listed.
func (l *list) find(name string) (why string, ok bool) {
	for at := name; at != ""; {
		if why, ok := l.why[at]; ok {
			l.met[at] = true
			return why, true
		}
		at = at[:strings.LastIndex(strings.TrimSuffix(at, "/"), "/")+1]
	}
	return "", false
}

// check reports entries that no case has met.
func (l *list) check(t *testing.T) {
	t.Helper()
	for name := range l.why {
		if !l.met[name] {
			t.Errorf("%s: %s is no case", l.file, name)
		}
	}
}
