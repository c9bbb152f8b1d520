package topology_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

func TestPartitions(t *testing.T) {
	str := serde.String()
	same := func(s string) string { return s }
	tests := []struct {
		name   string
		build  func(tp *topology.Topology)
		topics map[string]int32
		want   map[string]int32
		err    []string
	}{
		{"largest input", func(tp *topology.Topology) {
			tp.StreamTopics([]string{"a", "b"}, str, str).GroupBy("g", same).Count("n")
		}, map[string]int32{"a": 3, "b": 5}, map[string]int32{"g": 5}, nil},
		{"its own", func(tp *topology.Topology) {
			tp.Stream("a", str, str).Repartition("r", topology.Partitions(9)).GroupBy("g", same).Count("n")
		}, map[string]int32{"a": 3}, map[string]int32{"r": 9, "g": 9}, nil},
		{"joined with a topic", func(tp *topology.Topology) {
			tp.Stream("a", str, str).Repartition("r").Join("j", tp.Table("b", str, str), topology.Inner(both)).To("out")
		}, map[string]int32{"a": 8, "b": 2}, map[string]int32{"r": 2}, nil},
		{"joined with one that has its own", func(tp *topology.Topology) {
			a := tp.Stream("a", str, str)
			a.Repartition("r").Join("j", a.Repartition("s", topology.Partitions(7)).ToTable("tb"), topology.Inner(both)).To("out")
		}, map[string]int32{"a": 8}, map[string]int32{"r": 7, "s": 7}, nil},
		{"joined with each other", func(tp *topology.Topology) {
			tp.Stream("a", str, str).Repartition("r").Join("j", tp.Stream("b", str, str).Repartition("s").ToTable("tb"), topology.Inner(both)).
				GroupBy("t", same).Count("n")
		}, map[string]int32{"a": 4, "b": 6}, map[string]int32{"r": 6, "s": 6, "t": 6}, nil},
		{"topics that differ", func(tp *topology.Topology) {
			tp.Stream("a", str, str).Join("j", tp.Table("b", str, str), topology.Inner(both)).To("out")
		}, map[string]int32{"a": 4, "b": 6}, nil, []string{"partitions_test.go:", "j brings together records of topics with different numbers of partitions: topic a has 4, topic b has 6."}},
		{"merged and counted", func(tp *topology.Topology) {
			tp.Stream("a", str, str).Merge(tp.Stream("b", str, str)).GroupByKey().Count("n")
		}, map[string]int32{"a": 4, "b": 6}, nil, []string{"n brings together"}},
		{"merged and not counted", func(tp *topology.Topology) {
			tp.Stream("a", str, str).Merge(tp.Stream("b", str, str)).To("out")
		}, map[string]int32{"a": 4, "b": 6}, map[string]int32{}, nil},
		{"a number of its own that differs", func(tp *topology.Topology) {
			tp.Stream("a", str, str).Repartition("r", topology.Partitions(3)).Join("j", tp.Table("b", str, str), topology.Inner(both)).To("out")
			tp.Stream("c", str, str).Join("k", tp.Table("d", str, str), topology.Inner(both)).To("out")
		}, map[string]int32{"a": 4, "b": 6, "c": 1, "d": 2}, nil, []string{"topic b has 6, repartition topic r has 3", "topic c has 1, topic d has 2"}},
		{"topics that do not exist", func(tp *topology.Topology) {
			tp.StreamTopics([]string{"a", "b", "c"}, str, str).To("out")
		}, map[string]int32{"b": 1}, nil, []string{"input topic a does not exist", "input topic c does not exist: create it, or correct the name"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tp := topology.New("test")
			tt.build(tp)
			plan, err := tp.Build()
			if err != nil {
				t.Fatal(err)
			}
			got, err := plan.ForRuntime(flow.Key{}).Partitions(func(topic string) (int32, bool) {
				n, ok := tt.topics[topic]
				return n, ok
			}, nil)
			if tt.err != nil {
				for _, want := range tt.err {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("got %v, want %s", err, want)
					}
				}
				return
			}
			if err != nil || !maps.Equal(got, tt.want) {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}
