package kafkastreams

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testCase is a topology, what is done with it, and what Kafka Streams made of that.
type testCase struct {
	Name     string
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
	Topic              string
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
	GraceMs            int64
	Emit               string
	Reducer            string
	Init               *string
	Aggregator         string
	Joiner             string
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

// entry is an entry of a store at the end. Those of windows have a Start, and are not compared: the
// two forget windows at different times.
type entry struct {
	Key   string
	Value *string
	Ts    *int64
	Start *int64
}

// cases reads all cases of a family.
func cases(t *testing.T, file string) []testCase {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all []testCase
	for dec := json.NewDecoder(plain); dec.More(); {
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

// families are the files of cases.
func families(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.jsonl.gz")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	return files
}

// differences reads which cases are different on purpose, and why.
func differences(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open("testdata/differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	why := make(map[string]string)
	reason := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		switch title, ok := strings.CutPrefix(line, "# "); {
		case ok:
			reason = title
		case line != "":
			why[line] = reason
		}
	}
	return why
}
