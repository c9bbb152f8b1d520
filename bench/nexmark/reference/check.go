package reference

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/kolkstream/kolk/bench/nexmark"
)

// Check compares what a query has written with what it must have written. It keeps a hash of each
// result, so that some million results fit into memory. It is not safe for concurrent use.
type Check struct {
	query   query
	run     run
	seed    maphash.Seed
	buf     []byte
	open    map[uint64]int    // results that are still to be written, by their hash
	last    map[string]uint64 // with query.latest: the last hash of each key
	results int
	wrong   []string // some of those that are too many
	tooMany int
}

// NewCheck computes the results of a query over the first events of a generator.
func NewCheck(query string, g *nexmark.Generator, events int64, clock Clock) (*Check, error) {
	q, err := find(query)
	if err != nil {
		return nil, err
	}
	c := &Check{query: q, run: run{g, events, clock}, seed: maphash.MakeSeed(), open: map[uint64]int{}, last: map[string]uint64{}}
	q.loop(c.run, func(r Result) {
		c.open[c.hash(r)]++
		c.results++
	})
	return c, nil
}

// Each calls fn with each result of a query over the first events of a generator.
func Each(query string, g *nexmark.Generator, events int64, clock Clock, fn func(Result)) error {
	q, err := find(query)
	if err == nil {
		q.loop(run{g, events, clock}, fn)
	}
	return err
}

// Results is how many results there must be: messages, or keys if the last message of each counts.
func (c *Check) Results() int { return c.results }

// Add takes a message that the query has written. Messages of one key must come in the order of
// their offsets.
func (c *Check) Add(r Result) {
	h := c.hash(r)
	if c.query.latest {
		c.last[string(r.Key)] = h
		return
	}
	c.take(h, func() string { return r.text() })
}

func (c *Check) take(h uint64, text func() string) {
	switch n := c.open[h]; {
	case n > 1:
		c.open[h] = n - 1
	case n == 1:
		delete(c.open, h)
	default:
		c.tooMany++
		if len(c.wrong) < shown {
			c.wrong = append(c.wrong, text())
		}
	}
}

// shown is how many of the results that are wrong an error shows.
const shown = 3

// Err returns nil if exactly the right results have been added, and otherwise says what differs. It
// is called once, at the end.
func (c *Check) Err() error {
	for key, h := range c.last {
		c.take(h, func() string { return "the last one of the key " + key })
	}
	missing := 0
	for _, n := range c.open {
		missing += n
	}
	if missing == 0 && c.tooMany == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "of %d results %d are missing, and %d are there that should not be", c.results, missing, c.tooMany)
	n := 0
	c.query.loop(c.run, func(r Result) {
		if n < shown && c.open[c.hash(r)] > 0 {
			n++
			fmt.Fprintf(&b, "\nmissing: %s", r.text())
		}
	})
	for _, text := range c.wrong {
		fmt.Fprintf(&b, "\nshould not be there: %s", text)
	}
	return fmt.Errorf("%s", b.String())
}

func (r Result) text() string { return fmt.Sprintf("%s %s @%d", r.Key, r.Value, r.Timestamp) }

func (c *Check) hash(r Result) uint64 {
	c.buf = binary.BigEndian.AppendUint64(c.buf[:0], uint64(r.Timestamp))
	c.buf = binary.BigEndian.AppendUint64(c.buf, uint64(len(r.Key)))
	c.buf = append(append(c.buf, r.Key...), r.Value...)
	return maphash.Bytes(c.seed, c.buf)
}
