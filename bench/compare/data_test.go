package main

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func testData() data {
	return data{n: 5000, keys: 300, valueBytes: 100, partitions: 3, seed: 7, base: 1_767_225_600_000}
}

func all(d data, kind string) (rs []*kgo.Record) {
	d.records(kind, func(r *kgo.Record) { rs = append(rs, r) })
	return rs
}

func TestDataFollowsFromTheSeed(t *testing.T) {
	d := testData()
	same := func(a, b *kgo.Record) bool {
		return bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Value, b.Value) && a.Timestamp.Equal(b.Timestamp) && a.Partition == b.Partition
	}
	for _, kind := range []string{events, closed, others, right} {
		a, b := all(d, kind), all(d, kind)
		if int64(len(a)) != d.size(kind) {
			t.Errorf("%s: %d records, size says %d", kind, len(a), d.size(kind))
		}
		if !slices.EqualFunc(a, b, same) {
			t.Errorf("%s: the same seed gave other records", kind)
		}
		other := d
		other.seed++
		if slices.EqualFunc(a, all(other, kind), same) {
			t.Errorf("%s: another seed gave the same records", kind)
		}
	}
	if !slices.EqualFunc(all(d, events), all(d, closed)[:d.n], same) {
		t.Error("closed does not begin as events does")
	}
}

func TestDataIsAsDescribed(t *testing.T) {
	d := testData()
	late, largest := 0, d.base
	fields := map[string]bool{}
	for i, r := range all(d, events) {
		if len(r.Value) != d.valueBytes {
			t.Fatalf("record %d: a value of %d bytes", i, len(r.Value))
		}
		field, _, ok := bytes.Cut(r.Value, []byte("|"))
		if !ok {
			t.Fatalf("record %d: no field in %q", i, r.Value)
		}
		fields[string(field)] = true
		if ts := r.Timestamp.UnixMilli(); ts < largest {
			late++
			if largest-ts > lateness {
				t.Errorf("record %d is %d ms late", i, largest-ts)
			}
		} else {
			largest = ts
		}
	}
	if want := d.base + int64((d.n-1)/eventsPerMS); largest != want {
		t.Errorf("the last time is %d, want %d", largest, want)
	}
	if late < d.n/40 || late > d.n/10 {
		t.Errorf("%d of %d records are late, want about 5 %%", late, d.n)
	}
	if len(fields) < 900 {
		t.Errorf("%d different fields, want about 1000", len(fields))
	}
	for _, r := range all(d, right) {
		if r.Timestamp.UnixMilli() >= d.base-lateness {
			t.Fatalf("the table's record %s is not older than all events", r.Key)
		}
	}
	closers := all(d, closed)[d.n:]
	for p, r := range closers {
		if r.Partition != int32(p) || r.Timestamp.UnixMilli() < largest+windowMS+5000 {
			t.Errorf("closer %d: partition %d, time %v", p, r.Partition, r.Timestamp)
		}
	}
}

// TestPartitionOf compares with the client's partitioner, which is tested against Kafka's.
func TestPartitionOf(t *testing.T) {
	for _, n := range []int{1, 4, 7} {
		theirs := kgo.StickyKeyPartitioner(nil).ForTopic("t")
		for i := range 2000 {
			key := []byte(fmt.Sprintf("%d-user", i*i))[:1+i%8%len(fmt.Sprintf("%d-user", i*i))]
			want := theirs.Partition(&kgo.Record{Key: key}, n)
			if got := partitionOf(key, int32(n)); int(got) != want {
				t.Fatalf("%q over %d partitions: %d, want %d", key, n, got, want)
			}
		}
	}
}
