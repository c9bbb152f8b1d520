package testfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kolkstream/kolk/internal/flow"
)

// Compare returns in what the records that came differ from those that are expected. They are those
// of a topic, partition by partition.
func (o *Output) Compare(got []Got) []Failure {
	several := several(got)
	c := comparison{
		what: "output " + o.Topic, one: "record", some: "a record", at: o.at, expected: o.records, got: got,
		show: func(g *Got) string { return g.record(several) },
	}
	switch o.order {
	case anyOrder:
		return c.failures(c.anyOrder())
	case byKey:
		return c.failures(c.byKey())
	}
	failures := c.failures(c.inOrder(indexes(len(c.expected)), indexes(len(c.got))))
	if len(failures) > 0 && len(c.failures(c.anyOrder())) == 0 {
		return []Failure{{
			Position: o.at, Message: c.what + ": all records came, in another order (which order: by-key, or any, does not mind)",
			Expected: lines(o.records, (*expectation).String), Got: lines(got, func(g Got) string { return g.record(several) }),
		}}
	}
	return failures
}

// lines are texts, one a line.
func lines[T any](all []T, text func(T) string) string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = text(one)
	}
	return strings.Join(texts, "\n")
}

// Rest returns the failures of records that came after the last step that compared them.
func (o *Output) Rest(got []Got) (all []Failure) {
	several := several(got)
	for i := range got {
		all = append(all, Failure{
			Position: o.at, Message: fmt.Sprintf("output %s: a record came after this step, the last one that compares the topic, and no step expects it", o.Topic),
			Got: got[i].record(several),
		})
	}
	return all
}

// Compare returns in what the entries of a store differ from those that are expected.
func (s *Store) Compare(plan *flow.Plan, got []Got) []Failure {
	var spec flow.StoreSpec
	for _, sub := range plan.SubTopologies {
		for _, of := range sub.Stores {
			if of.Name == s.Name {
				spec = of
			}
		}
	}
	several := several(got)
	c := comparison{
		what: "store " + s.Name, one: "entry", some: "an entry", at: s.at, expected: s.entries, got: got,
		show: func(g *Got) string { return g.entry(spec, several) },
	}
	return c.failures(c.anyOrder())
}

// Compare returns in what the counts of a node differ from those that are expected. dropped are
// those of the node, by reason.
func (d *Dropped) Compare(dropped map[string]int64) (all []Failure) {
	expected := map[string]bool{}
	for _, r := range d.reasons {
		expected[r.name] = true
		if n := dropped[r.name]; n != r.count {
			all = append(all, Failure{r.at, fmt.Sprintf("dropped %s: %s", d.Node, r.name), fmt.Sprint(r.count), fmt.Sprint(n), ""})
		}
	}
	var others []string
	for name, n := range dropped {
		if !expected[name] && n != 0 {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	for _, name := range others {
		all = append(all, Failure{d.at, fmt.Sprintf("dropped %s: %s", d.Node, name), "0", fmt.Sprint(dropped[name]), ""})
	}
	return all
}

func several(got []Got) bool {
	return slices.ContainsFunc(got, func(g Got) bool { return g.Partition > 0 })
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// comparison compares what came with what is expected.
type comparison struct {
	what, one, some string // "output totals", "record", "a record"
	at              Position
	expected        []*expectation
	got             []Got
	show            func(*Got) string
}

// pairing says which of those that came is held against which of those that are expected: its
// index, or -1. Who is not in it is not expected.
type pairing []int

// failures are the differences of what is paired, what is missing and what is too much, in the
// order of the file.
func (c *comparison) failures(p pairing) (all []Failure) {
	used := make([]bool, len(c.got))
	for i, x := range c.expected {
		what := fmt.Sprintf("%s, %s %d of %d", c.what, c.one, i+1, len(c.expected))
		if p[i] < 0 {
			all = append(all, Failure{Position: x.at, Message: what + " is missing", Expected: x.String()})
			continue
		}
		used[p[i]] = true
		g := &c.got[p[i]]
		for n, d := range x.compare(g) {
			f := Failure{Position: d.at, Message: what + ": " + d.what, Expected: d.expected, Got: d.got}
			if n == 0 {
				f.Record = c.show(g)
			}
			all = append(all, f)
		}
	}
	for j := range c.got {
		if !used[j] {
			all = append(all, Failure{Position: c.at, Message: fmt.Sprintf("%s: %s is not expected%s", c.what, c.some, c.place(p, j)), Got: c.show(&c.got[j])})
		}
	}
	return all
}

// place says where what is not expected stands among the others, if that means something.
func (c *comparison) place(p pairing, j int) string {
	if c.one != "record" || !slices.IsSorted(slices.DeleteFunc(slices.Clone(p), func(i int) bool { return i < 0 })) {
		return ""
	}
	after := -1
	for i, at := range p {
		if at >= 0 && at < j {
			after = i
		}
	}
	switch {
	case after < 0 && len(p) > 0:
		return ", before the first"
	case after < 0:
		return ""
	}
	return fmt.Sprintf(", behind record %d", after+1)
}

// The costs of making what came of what is expected: of one that is missing or too much; of one
// that is different, or that has another key and is the same beyond that; of one that is another.
const (
	alone     = 10
	different = 10
	otherKey  = 19
	another   = 21 // more than that one is missing and one too much
)

// cost is how much it takes to make what came of what is expected; nothing if it is as expected.
func (c *comparison) cost(i, j int) int {
	differences := c.expected[i].compare(&c.got[j])
	isKey := func(d difference) bool {
		return strings.HasPrefix(d.what, "window") || strings.HasPrefix(d.what, "key")
	}
	switch {
	case len(differences) == 0:
		return 0
	case !slices.ContainsFunc(differences, isKey):
		return different
	case !slices.ContainsFunc(differences, func(d difference) bool { return !isKey(d) }):
		return otherKey
	}
	return another
}

// mostCells is up to how many pairs are weighed against each other.
const mostCells = 1 << 20

// inOrder pairs what is expected with what came, both in order, so that the least is different.
func (c *comparison) inOrder(expected, got []int) pairing {
	p := c.none()
	if len(expected)*len(got) > mostCells { // one by one
		for n := range min(len(expected), len(got)) {
			p[expected[n]] = got[n]
		}
		return p
	}
	rows, columns := len(expected)+1, len(got)+1
	costs := make([]int, rows*columns)
	pairs := make([]int, rows*columns)
	for i := rows - 1; i >= 0; i-- {
		for j := columns - 1; j >= 0; j-- {
			at := i*columns + j
			switch {
			case i == rows-1:
				costs[at] = (columns - 1 - j) * alone
			case j == columns-1:
				costs[at] = (rows - 1 - i) * alone
			default:
				pairs[at] = c.cost(expected[i], got[j])
				costs[at] = min(pairs[at]+costs[at+columns+1], alone+costs[at+columns], alone+costs[at+1])
			}
		}
	}
	for i, j := 0, 0; i < rows-1 && j < columns-1; {
		at := i*columns + j
		switch costs[at] {
		case pairs[at] + costs[at+columns+1]:
			p[expected[i]] = got[j]
			i, j = i+1, j+1
		case alone + costs[at+columns]:
			i++
		default:
			j++
		}
	}
	return p
}

func (c *comparison) none() pairing {
	p := make(pairing, len(c.expected))
	for i := range p {
		p[i] = -1
	}
	return p
}

// byKey pairs the records of each key in order.
func (c *comparison) byKey() pairing {
	p := c.none()
	left := indexes(len(c.got))
	done := make([]bool, len(c.expected))
	for i, x := range c.expected {
		if done[i] {
			continue
		}
		var expected, got, others []int
		for n := i; n < len(c.expected); n++ {
			if c.expected[n].key.same(x.key) {
				expected, done[n] = append(expected, n), true
			}
		}
		for _, j := range left {
			of := expectation{key: x.key, partition: -1}
			if len(of.compare(&c.got[j])) == 0 {
				got = append(got, j)
			} else {
				others = append(others, j)
			}
		}
		left = others
		for i, j := range c.inOrder(expected, got) {
			if j >= 0 {
				p[i] = j
			}
		}
	}
	return p
}

// same reports whether two keys are the same.
func (x *expected) same(other *expected) bool {
	return x.none == other.none && show(x.v) == show(other.v)
}

// anyOrder pairs what is as expected, as much of it as can be, and then what has the same key, and
// then the rest.
func (c *comparison) anyOrder() pairing {
	p, by := c.none(), make([]int, len(c.got))
	for j := range by {
		by[j] = -1
	}
	fits := make([][]int, len(c.expected))
	for i := range c.expected {
		for j := range c.got {
			if c.cost(i, j) == 0 {
				fits[i] = append(fits[i], j)
			}
		}
	}
	// find pairs i with one that fits, if need be by finding another one for what that is paired
	// with.
	var find func(i int, tried []bool) bool
	find = func(i int, tried []bool) bool {
		for _, j := range fits[i] {
			if tried[j] {
				continue
			}
			tried[j] = true
			if by[j] < 0 || find(by[j], tried) {
				p[i], by[j] = j, i
				return true
			}
		}
		return false
	}
	for i := range c.expected {
		find(i, make([]bool, len(c.got)))
	}
	for _, most := range []int{different, otherKey} {
		for i := range c.expected {
			for j := range c.got {
				if p[i] < 0 && by[j] < 0 && c.cost(i, j) <= most {
					p[i], by[j] = j, i
				}
			}
		}
	}
	return p
}
