package main

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// sessionCounts computes the sessions of all keys: each key's times in order, divided wherever two
// are further apart than the gap.
func sessionCounts(d data) func() check {
	times := map[string][]int64{}
	d.records(events, func(r *kgo.Record) { times[string(r.Key)] = append(times[string(r.Key)], r.Timestamp.UnixMilli()) })
	want := map[string]uint64{}
	for key, ts := range times {
		slices.Sort(ts)
		for len(ts) > 0 {
			n := 1
			for n < len(ts) && ts[n]-ts[n-1] <= apartMS {
				n++
			}
			want[fmt.Sprintf("%s@%d@%d", key, ts[0], ts[n-1])] = uint64(n)
			ts = ts[n:]
		}
	}
	return func() check {
		return &sessions{partitions: d.partitions, want: want, got: make(map[string]uint64, len(want))}
	}
}

// sessions: the counts that are left when those without value are taken back. A session's key is
// "KEY@START@END", and its partition that of KEY@START@END, too.
type sessions struct {
	partitions int32
	want, got  map[string]uint64
	err        error
}

func (c *sessions) see(r *kgo.Record) {
	switch {
	case c.err != nil:
	case r.Value == nil:
		delete(c.got, string(r.Key))
	case len(r.Value) != 8:
		c.err = fmt.Errorf("%s: %d bytes are no count", r.Key, len(r.Value))
	default:
		c.got[string(r.Key)] = binary.BigEndian.Uint64(r.Value)
		c.err = inPlace(r, c.partitions)
	}
}

func (c *sessions) result() error {
	if c.err != nil {
		return c.err
	}
	return differ(c.got, c.want)
}

// joined computes all pairs of the two streams that have a key and times not further apart than the
// bound.
func joined(d data) func() check {
	type other struct {
		at    int64
		value []byte
	}
	all := map[string][]other{}
	d.records(others, func(r *kgo.Record) {
		all[string(r.Key)] = append(all[string(r.Key)], other{r.Timestamp.UnixMilli(), r.Value})
	})
	var want bag
	d.records(events, func(r *kgo.Record) {
		for _, o := range all[string(r.Key)] {
			if apart := o.at - r.Timestamp.UnixMilli(); -apartMS <= apart && apart <= apartMS {
				want.add(r.Key, slices.Concat(r.Value, o.value))
			}
		}
	})
	return func() check { return &multiset{partitions: d.partitions, want: want} }
}
