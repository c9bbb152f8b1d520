package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A check holds what a workload must give, and is shown its output record by record, in the order
// of each partition.
type check interface {
	see(r *kgo.Record)
	// result is nil if everything was right, and says otherwise what was not.
	result() error
}

// expect computes from the generated records what the workload must give: a plain loop over all of
// them, one after the other. The returned function makes a check for one output; what it compares
// with is computed once.
func expect(workload string, d data) (func() check, error) {
	switch workload {
	case "passthrough":
		want := map[int32]uint64{}
		d.records(events, func(r *kgo.Record) { want[r.Partition] = chain(want[r.Partition], r) })
		return func() check { return &inOrder{want: want, got: map[int32]uint64{}} }, nil
	case "count", "count-nocache":
		return counting(workload == "count-nocache", false, d, events, func(r *kgo.Record) string { return string(r.Key) }), nil
	case "rekey-count":
		return counting(false, false, d, events, func(r *kgo.Record) string {
			field, _, _ := bytes.Cut(r.Value, []byte("|"))
			return string(field)
		}), nil
	case "window-count", "window-final":
		return counting(false, workload == "window-final", d, events, func(r *kgo.Record) string {
			ts := r.Timestamp.UnixMilli()
			return string(r.Key) + "@" + strconv.FormatInt(ts-ts%windowMS, 10)
		}), nil
	case "session-count":
		return sessionCounts(d), nil
	case "table":
		want := map[string]uint64{}
		d.records(events, func(r *kgo.Record) { want[string(r.Key)] = hash(r.Value) })
		return func() check { return &latest{partitions: d.partitions, want: want, got: map[string]uint64{}} }, nil
	case "join-table":
		table := map[string][]byte{}
		d.records(right, func(r *kgo.Record) { table[string(r.Key)] = r.Value })
		var want bag
		d.records(events, func(r *kgo.Record) { want.add(r.Key, slices.Concat(r.Value, table[string(r.Key)])) })
		return func() check { return &multiset{partitions: d.partitions, want: want} }, nil
	case "join-stream":
		return joined(d), nil
	}
	return nil, fmt.Errorf("no workload %q", workload)
}

func counting(every, once bool, d data, kind string, key func(*kgo.Record) string) func() check {
	want := map[string]uint64{}
	d.records(kind, func(r *kgo.Record) { want[key(r)]++ })
	return func() check {
		return &counts{every: every, once: once, partitions: d.partitions, want: want, got: make(map[string]uint64, len(want))}
	}
}

// inOrder: the same records in the same order in the same partition.
type inOrder struct {
	want, got map[int32]uint64
}

func (c *inOrder) see(r *kgo.Record) { c.got[r.Partition] = chain(c.got[r.Partition], r) }

func (c *inOrder) result() error {
	for p, w := range c.want {
		if c.got[p] != w {
			return fmt.Errorf("partition %d: other records, or another order", p)
		}
	}
	return nil
}

// counts: rising per key, the last one exact.
type counts struct {
	every      bool // each value from 1 up to the last
	once       bool // only the last
	partitions int32
	want, got  map[string]uint64
	err        error
}

func (c *counts) see(r *kgo.Record) {
	if c.err != nil {
		return
	}
	key := string(r.Key)
	was, seen := c.got[key]
	var n uint64
	if len(r.Value) == 8 {
		n = binary.BigEndian.Uint64(r.Value)
	}
	switch {
	case len(r.Value) != 8:
		c.err = fmt.Errorf("%s: %d bytes are no count", key, len(r.Value))
	case n <= was:
		c.err = fmt.Errorf("%s: %d after %d", key, n, was)
	case c.every && n != was+1:
		c.err = fmt.Errorf("%s: %d after %d: updates are missing", key, n, was)
	case c.once && seen:
		c.err = fmt.Errorf("%s: a second result, %d after %d", key, n, was)
	default:
		c.err = inPlace(r, c.partitions)
	}
	c.got[key] = n
}

func (c *counts) result() error {
	if c.err != nil {
		return c.err
	}
	return differ(c.got, c.want)
}

// latest: the last value per key.
type latest struct {
	partitions int32
	want, got  map[string]uint64
	err        error
}

func (c *latest) see(r *kgo.Record) {
	c.got[string(r.Key)] = hash(r.Value)
	if c.err == nil {
		c.err = inPlace(r, c.partitions)
	}
}

func (c *latest) result() error {
	if c.err != nil {
		return c.err
	}
	return differ(c.got, c.want)
}

// multiset: the same records, in any order.
type multiset struct {
	partitions int32
	want, got  bag
	err        error
}

func (c *multiset) see(r *kgo.Record) {
	c.got.add(r.Key, r.Value)
	if c.err == nil {
		c.err = inPlace(r, c.partitions)
	}
}

func (c *multiset) result() error {
	switch {
	case c.err != nil:
		return c.err
	case c.got.n != c.want.n:
		return fmt.Errorf("%d records, want %d", c.got.n, c.want.n)
	case c.got != c.want:
		return fmt.Errorf("%d records as wanted, but not the same ones", c.got.n)
	}
	return nil
}

// bag is a multiset of records by the sum of their hashes.
type bag struct {
	n   int64
	sum uint64
}

func (b *bag) add(key, value []byte) {
	b.n++
	b.sum += hash(key)*31 ^ hash(value)
}

// hash is 64-bit FNV-1a.
func hash(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// chain hashes a record onto those before it.
func chain(h uint64, r *kgo.Record) uint64 { return h*1_000_003 + hash(r.Key)*31 ^ hash(r.Value) }

func inPlace(r *kgo.Record, partitions int32) error {
	if want := partitionOf(r.Key, partitions); r.Partition != want {
		return fmt.Errorf("%s is in partition %d, not %d", r.Key, r.Partition, want)
	}
	return nil
}

func differ(got, want map[string]uint64) error {
	missing, wrong, extra := 0, 0, 0
	example := ""
	for k, w := range want {
		g, ok := got[k]
		switch {
		case !ok:
			missing++
			example = k
		case g != w:
			wrong++
			example = k
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok && !isCloser(k) {
			extra++
			example = k
		}
	}
	if missing+wrong+extra == 0 {
		return nil
	}
	return fmt.Errorf("of %d keys %d are missing, %d have a wrong result, and %d do not belong there; for instance %q", len(want), missing, wrong, extra, example)
}

// isCloser reports whether a key is of the records that only close windows.
func isCloser(key string) bool { return len(key) > 6 && key[:6] == "close-" }
