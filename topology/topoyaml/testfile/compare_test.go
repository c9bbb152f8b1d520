package testfile

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/topology"
)

// expecting loads a test that expects the records of a topic.
func expecting(t *testing.T, order, records string) *Output {
	t.Helper()
	text := "topology: testdata/orders.yaml\ntests:\n  - name: x\n    partitions: 9\n    steps:\n      - output: totals-by-country\n        order: " + order + "\n        records:\n"
	for line := range strings.Lines(records) {
		text += "          - " + strings.TrimSpace(line) + "\n"
	}
	if records == "" {
		text = strings.TrimSuffix(text, "\n") + " []\n"
	}
	file, err := Load("x.test.yaml", []byte(text), open)
	if err != nil {
		t.Fatal(err)
	}
	return file.Tests()[0].Steps[0].Output
}

func got(key, value string, ts int64) Got {
	g := Got{Timestamp: ts}
	if key != "" {
		g.Key = json.RawMessage(key)
	}
	if value != "" {
		g.Value = json.RawMessage(value)
	}
	return g
}

// What is different is named by its path, with the place of what is expected.
func TestDifferences(t *testing.T) {
	withHeaders := got(`"k"`, `1`, 0)
	withHeaders.Headers, withHeaders.Partition = []topology.Header{{Key: "a", Value: []byte("b")}}, 1
	for _, c := range []struct {
		order, expected string
		got             []Got
		want            string
	}{
		{"exact", `{}`, []Got{got(`"k"`, `1`, 0)}, ``},
		{"exact", `{key: k, value: {a: 1, b: 2.50}, time: 1s}`, []Got{got(`"k"`, `{"b":2.5,"a":1}`, 1000)}, ``},
		{"exact", `{value: ~}`, []Got{got(`"k"`, ``, 0)}, ``},
		{"exact", `{key: ~}`, []Got{got(``, `1`, 0)}, ``},
		{"exact", ``, nil, ``},
		{"exact", `{value: 1}`, nil, `9:13: output totals-by-country, record 1 of 1 is missing|{value: 1}||`},
		{"exact", ``, []Got{got(`"k"`, `1`, 0)}, `6:9: output totals-by-country: a record is not expected||{key: "k", value: 1, time: 0s}|`},
		{"exact", `{key: k, value: {a: 1, b: [1, {c: 2}]}}`, []Got{got(`"k"`, `{"a":1,"b":[1,{"c":3}]}`, 0)},
			`9:47: output totals-by-country, record 1 of 1: value.b[1].c|2|3|{key: "k", value: {"a":1,"b":[1,{"c":3}]}, time: 0s}`},
		{"exact", `{key: k, value: {amont: 1}}`, []Got{got(`"k"`, `{"amount":1}`, 0)},
			`9:30: output totals-by-country, record 1 of 1: value.amont|1|no such field; did you mean "amount"?|{key: "k", value: {"amount":1}, time: 0s}
9:29: output totals-by-country, record 1 of 1: value.amount|no such field|1|`},
		{"exact", `{key: k, contains: {a: 1}}`, []Got{got(`"k"`, `{"b":2,"a":1}`, 0)}, ``},
		{"exact", `{key: k, contains: {a: {x: 1}}}`, []Got{got(`"k"`, `{"b":2,"a":{"y":2,"x":1}}`, 0)}, ``},
		{"exact", `{key: k, contains: {a: [{x: 1}]}}`, []Got{got(`"k"`, `{"a":[{"y":2,"x":1}]}`, 0)},
			`9:37: output totals-by-country, record 1 of 1: value.a[0].y|no such field|2|{key: "k", value: {"a":[{"y":2,"x":1}]}, time: 0s}`},
		{"exact", `{key: k, value: [1, 2]}`, []Got{got(`"k"`, `[1]`, 0)}, `9:29: output totals-by-country, record 1 of 1: value|[1,2]|[1]|{key: "k", value: [1], time: 0s}`},
		{"exact", `{key: k, value: "1"}`, []Got{got(`"k"`, `1`, 0)}, `9:29: output totals-by-country, record 1 of 1: value|"1"|1|{key: "k", value: 1, time: 0s}`},
		{"exact", `{key: k, value: 1}`, []Got{got(`"k"`, ``, 0)}, `9:29: output totals-by-country, record 1 of 1: value|1|none|{key: "k", value: none, time: 0s}`},
		{"exact", `{key: k, value: ~}`, []Got{got(`"k"`, `null`, 0)}, `9:29: output totals-by-country, record 1 of 1: value|none|null|{key: "k", value: null, time: 0s}`},
		{"exact", `{key: k, value: 9007199254740993}`, []Got{got(`"k"`, `9007199254740992`, 0)},
			`9:29: output totals-by-country, record 1 of 1: value|9007199254740993|9007199254740992|{key: "k", value: 9007199254740992, time: 0s}`},
		{"exact", `{key: k, headers: {a: c}, partition: 2, time: 2020-01-01T00:00:00Z}`, []Got{withHeaders},
			`9:59: output totals-by-country, record 1 of 1: time|2020-01-01T00:00:00Z|0s|{key: "k", value: 1, time: 0s, headers: {"a":"b"}, partition: 1}
9:31: output totals-by-country, record 1 of 1: headers|{"a":"c"}|{"a":"b"}|
9:50: output totals-by-country, record 1 of 1: partition|2|1|`},
		{"exact", "{key: a, value: 1}\n{key: b, value: 2}\n{key: c, value: 3}", []Got{got(`"a"`, `1`, 0), got(`"x"`, `9`, 0), got(`"c"`, `4`, 0)},
			`10:13: output totals-by-country, record 2 of 3 is missing|{key: "b", value: 2}||
11:29: output totals-by-country, record 3 of 3: value|3|4|{key: "c", value: 4, time: 0s}
6:9: output totals-by-country: a record is not expected, behind record 1||{key: "x", value: 9, time: 0s}|`},
		{"exact", "{key: a, value: 1}\n{key: b, value: 2}", []Got{got(`"b"`, `2`, 0), got(`"a"`, `1`, 1)},
			`6:9: output totals-by-country: all records came, in another order (which order: by-key, or any, does not mind)|{key: "a", value: 1}
{key: "b", value: 2}|{key: "b", value: 2, time: 0s}
{key: "a", value: 1, time: 1ms}|`},
		{"by-key", "{key: a, value: 1}\n{key: b, value: 2}", []Got{got(`"b"`, `2`, 0), got(`"a"`, `1`, 1)}, ``},
		{"by-key", "{key: a, value: 1}\n{key: a, value: 2}\n{key: ~}", []Got{got(`"a"`, `2`, 0), got(``, `1`, 0), got(`"a"`, `1`, 1)},
			`9:29: output totals-by-country, record 1 of 3: value|1|2|{key: "a", value: 2, time: 0s}
10:29: output totals-by-country, record 2 of 3: value|2|1|{key: "a", value: 1, time: 1ms}`},
		{"any", "{key: a}\n{key: a, value: 1}", []Got{got(`"a"`, `1`, 0), got(`"a"`, `2`, 1)}, ``},
		{"any", "{key: a, value: 1}\n{key: b, value: 1}", []Got{got(`"b"`, `2`, 0), got(`"c"`, `1`, 1)},
			`9:19: output totals-by-country, record 1 of 2: key|"a"|"c"|{key: "c", value: 1, time: 1ms}
10:29: output totals-by-country, record 2 of 2: value|1|2|{key: "b", value: 2, time: 0s}`},
	} {
		var lines []string
		for _, f := range expecting(t, c.order, c.expected).Compare(c.got) {
			lines = append(lines, fmt.Sprintf("%d:%d: %s|%s|%s|%s", f.Line, f.Column, f.Message, f.Expected, f.Got, f.Record))
		}
		if text := strings.Join(lines, "\n"); text != c.want {
			t.Errorf("%s %s\n got %s\nwant %s", c.order, c.expected, text, c.want)
		}
	}
}

// Whether there is a failure is what plain loops say, whatever the order.
func TestCompareRandomly(t *testing.T) {
	r := seeds.Rand(t)
	failed := map[bool]int{}
	for range 300 {
		var records []Got
		for range r.IntN(5) {
			records = append(records, got(fmt.Sprintf(`"%c"`, 'a'+r.IntN(2)), fmt.Sprint(r.IntN(2)), 0))
		}
		lines := make([]string, len(records))
		for i, g := range records {
			lines[i] = fmt.Sprintf("{key: %s, value: %s}", g.Key, g.Value)
			if r.IntN(3) == 0 {
				lines[i] = fmt.Sprintf("{key: %s}", g.Key)
			}
		}
		mutate(r, &lines)
		order := []string{exactly, byKey, anyOrder}[r.IntN(3)]
		o := expecting(t, order, strings.Join(lines, "\n"))
		failures := o.Compare(records)
		if want := fits(order, o.records, records); want != (len(failures) == 0) {
			t.Fatalf("%s: %v and %+v: %v, want none: %v", order, lines, records, failures, want)
		}
		failed[len(failures) > 0]++
	}
	if failed[true] < 50 || failed[false] < 50 {
		t.Errorf("the test is lopsided: %v", failed)
	}
}

// mutate changes the order of lines, or one of them.
func mutate(r *rand.Rand, lines *[]string) {
	switch n := len(*lines); {
	case r.IntN(4) == 0:
		*lines = append(*lines, fmt.Sprintf("{key: %c, value: %d}", 'a'+r.IntN(2), r.IntN(2)))
	case n > 0 && r.IntN(4) == 0:
		*lines = slices.Delete(*lines, 0, 1)
	case n > 1 && r.IntN(2) == 0:
		i, j := r.IntN(n), r.IntN(n)
		(*lines)[i], (*lines)[j] = (*lines)[j], (*lines)[i]
	}
}

// fits says by trying everything whether records are as expected.
func fits(order string, expected []*expectation, records []Got) bool {
	if len(expected) != len(records) {
		return false
	}
	if len(expected) == 0 {
		return true
	}
	for i := range records {
		if order == exactly && i > 0 {
			break
		}
		if order == byKey && slices.ContainsFunc(records[:i], func(g Got) bool { return string(g.Key) == string(records[i].Key) }) {
			continue // not the first of its key
		}
		rest := slices.Delete(slices.Clone(records), i, i+1)
		if len(expected[0].compare(&records[i])) == 0 && fits(order, expected[1:], rest) {
			return true
		}
	}
	return false
}
