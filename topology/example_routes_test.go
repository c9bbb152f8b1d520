package topology_test

import (
	"fmt"
	"strings"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// Each record goes to the topic that a function chooses, of those that are declared.
func ExampleStream_ToOneOf_topicByValue() {
	t := topology.New("routes")
	t.Stream("readings", serde.String(), serde.String()).
		ToOneOf("by-kind", []string{"heat", "light"}, func(r *topology.Record[string, string]) string {
			kind, _, _ := strings.Cut(r.Value, " ")
			return kind
		})

	show(t, msg("readings", "kitchen", "heat 21", 1), msg("readings", "hall", "light 80", 2))
	// Output:
	// heat kitchen heat 21
	// light hall light 80
}

// Records go to the partition that a function chooses: here that of their region.
func ExampleStream_WithPartitioner_byRegion() {
	t := topology.New("regions")
	t.Stream("orders", serde.String(), serde.String()).
		WithPartitioner(func(r *topology.Record[string, string], partitions int32) int32 {
			if strings.HasPrefix(r.Value, "eu") {
				return 0
			}
			return partitions - 1
		}).
		To("orders-by-region")

	show(t, msg("orders", "ann", "eu tea", 1), msg("orders", "bob", "us milk", 2))
	// Output:
	// orders-by-region/0 ann eu tea
	// orders-by-region/3 bob us milk
}

// A header is added to those that records have.
func ExampleStream_SetHeaders_addOne() {
	t := topology.New("traced")
	t.Stream("orders", serde.String(), serde.String()).
		SetHeaders(func(r *topology.Record[string, string]) []topology.Header {
			return append(r.Headers[:len(r.Headers):len(r.Headers)], topology.Header{Key: "via", Value: []byte("shop")})
		}).
		PeekRecords(func(r *topology.Record[string, string]) { fmt.Printf("%s=%s\n", r.Headers[0].Key, r.Headers[0].Value) }).
		Discard()

	show(t, msg("orders", "ann", "tea", 1))
	// Output: via=shop
}

// A function is called for each value, and the stream ends there.
func ExampleStream_ForEach_print() {
	t := topology.New("look")
	t.Stream("orders", serde.String(), serde.String()).ForEach(func(order string) { fmt.Println(order) })

	show(t, msg("orders", "ann", "tea", 1))
	// Output: tea
}
