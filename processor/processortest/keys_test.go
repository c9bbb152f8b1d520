package processortest

import (
	"strings"
	"testing"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// TestGroupByWithoutKeys: the new key is made of the value, so a record without a key is counted
// like any other, as in Kafka Streams. A tombstone has nothing to make a key of. A key that is
// empty, or a nil slice, is a key: null has no type here.
func TestGroupByWithoutKeys(t *testing.T) {
	top := topology.New("keys")
	s := top.Stream("in", serde.String(), serde.String())
	s.GroupBy("by-text", func(v string) string { return strings.TrimRight(v, "0123456789") }).Count("texts").EachUpdate().ToStream().To("texts")
	s.GroupBy("by-bytes", func(v string) []byte {
		if v[0] == 'n' {
			return nil
		}
		return []byte(v[:1])
	}, topology.KeySerde(serde.Bytes())).Count("bytes").EachUpdate().ToStream().To("bytes")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := New(t, plan, Options{})
	text, bytes := d.Output("texts", serde.String(), serde.Int64()), d.Output("bytes", serde.String(), serde.Int64())
	d.Pipe("in", nil, []byte("1"), 1) // the key is "": the first, before any buffer has memory
	d.Pipe("in", nil, []byte("a2"), 2)
	d.Pipe("in", []byte("key"), []byte("a3"), 3)
	d.Pipe("in", []byte("key"), nil, 4)
	d.Pipe("in", nil, []byte("n"), 5)
	d.Pipe("in", nil, nil, 6)
	d.Pipe("in", []byte{}, []byte("7"), 7)
	equal(t, "by text", show(text.Records()), "=1@1", "a=1@2", "a=2@3", "n=1@5", "=2@7")
	equal(t, "by bytes", show(bytes.Records()), "1=1@1", "a=1@2", "a=2@3", "=1@5", "7=1@7")
	dropped := map[topology.Reason]int64{}
	for _, n := range d.Stats().Dropped {
		dropped[n.Reason] += n.Count
	}
	if len(dropped) != 1 || dropped[topology.NullValue] != 4 {
		t.Errorf("dropped: %v", dropped)
	}
}

// TestRepartitionWithoutKeys: a repartition topic takes records without key where a partitioner
// says where they belong, so that a left join behind it sees them.
func TestRepartitionWithoutKeys(t *testing.T) {
	top := topology.New("keyless")
	table := top.Table("names", serde.String(), serde.String())
	join := func(name string, s topology.Stream[string, string]) {
		s.Join(name, table, topology.Left(func(v string, n topology.Opt[string]) string { return v + "|" + n.Value })).To(name)
	}
	in := top.Stream("in", serde.String(), serde.String())
	join("by-key", in.Repartition("r1"))
	zero := func(r *topology.Record[string, string], _ int32) int32 {
		if r.NoKey {
			return 0
		}
		return int32(len(r.Key)) % 2
	}
	in.WithPartitioner(zero).Repartition("r2", topology.Partitions(2)).To("chosen")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := New(t, plan, Options{})
	byKey, chosen := d.Output("by-key", serde.String(), serde.String()), d.Output("chosen", serde.String(), serde.String())
	d.Pipe("in", nil, []byte("1"), 1)
	d.Pipe("in", []byte("a"), []byte("2"), 2)
	equal(t, "by key", show(byKey.Records()), "a=2|@2")
	all := chosen.Records()
	if len(all) != 2 || !all[0].NoKey || all[1].NoKey {
		t.Errorf("chosen: %+v", all)
	}
	if n := d.Dropped("r1", topology.NullKey); n != 1 {
		t.Errorf("%d dropped before r1", n)
	}
}

// TestMergeWithItself: a stream merged with itself is itself, as in Kafka Streams; what else is
// merged with it has its own records.
func TestMergeWithItself(t *testing.T) {
	top := topology.New("merged")
	s := top.Stream("in", serde.String(), serde.String())
	s.Merge(s, s).To("once")
	s.Merge(s.Filter(func(v string) bool { return v == "b" })).To("filtered")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := New(t, plan, Options{})
	once, filtered := d.Output("once", serde.String(), serde.String()), d.Output("filtered", serde.String(), serde.String())
	in := d.Input("in", serde.String(), serde.String())
	in.Send("k", "a", 1)
	in.Send("k", "b", 2)
	equal(t, "once", show(once.Records()), "k=a@1", "k=b@2")
	equal(t, "filtered", show(filtered.Records()), "k=a@1", "k=b@2", "k=b@2")
}
