package topology_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// Whole records can be made anew: With keeps time and headers, and the time may be set.
func ExampleStream_MapRecords_setKeyAndTime() {
	t := topology.New("shifts")
	t.Stream("logins", serde.String(), serde.String()).
		MapRecords(func(r *topology.Record[string, string]) topology.Record[string, string] {
			out := r.With(r.Value, r.Key)
			out.Timestamp += time.Hour.Milliseconds()
			return out
		}).
		To("shifts")

	show(t, msg("logins", "ann", "bakery", 1))
	// Output: shifts bakery ann
}

// One record becomes any number of others, with keys of their own.
func ExampleStream_FlatMapRecords_wordsOfALine() {
	t := topology.New("words")
	t.Stream("lines", serde.String(), serde.String()).
		FlatMapRecords(func(r *topology.Record[string, string]) (all []topology.Record[string, string]) {
			for _, word := range strings.Fields(r.Value) {
				all = append(all, r.With(word, r.Key))
			}
			return all
		}).
		To("words")

	show(t, msg("lines", "1", "to be or", 1))
	// Output:
	// words to 1
	// words be 1
	// words or 1
}

// Orders of all regions are counted, one topic each. A region that is added later is counted too.
func ExampleTopology_StreamPattern_topicsOfAllRegions() {
	t := topology.New("regions")
	t.StreamPattern("orders", "orders-[a-z]+", serde.String(), serde.String()).
		GroupByRecords("by-region", func(r *topology.Record[string, string]) string {
			return strings.TrimPrefix(r.Origin.Topic, "orders-")
		}).
		Count("orders-by-region").
		ToStream().
		MapValues(func(n int64) string { return fmt.Sprint(n) }).
		To("counts")

	show(t, msg("orders-east", "ann", "chair", 0), msg("orders-west", "bob", "lamp", 1), msg("orders-east", "cid", "desk", 2))
	// Output:
	// counts west 1
	// counts east 2
}

// Streams of the same kind are read as one.
func ExampleStream_Merge_severalSources() {
	t := topology.New("all-orders")
	eu := t.Stream("orders-eu", serde.String(), serde.String())
	us := t.Stream("orders-us", serde.String(), serde.String())
	eu.Merge(us).To("orders")

	show(t, msg("orders-eu", "ann", "tea", 1), msg("orders-us", "bob", "milk", 2))
	// Output:
	// orders ann tea
	// orders bob milk
}

// The latest value of each key is a table, which other streams can look up.
func ExampleStream_ToTable_latestValue() {
	t := topology.New("priced")
	prices := t.Stream("prices", serde.String(), serde.String()).
		Filter(func(price string) bool { return price != "?" }).
		ToTable("latest-prices")
	t.Stream("orders", serde.String(), serde.String()).
		Join("price", prices, topology.Inner(func(order, price string) string { return order + " at " + price })).
		To("priced")

	show(t, msg("prices", "tea", "3", 1), msg("prices", "tea", "?", 2), msg("orders", "tea", "two", 3))
	// Output: priced tea two at 3
}

// A stream is looked at, and nothing is written.
func ExampleStream_Peek_printAndDiscard() {
	t := topology.New("look")
	t.Stream("orders", serde.String(), serde.String()).
		Peek(func(order string) { fmt.Println("seen:", order) }).
		Discard()

	show(t, msg("orders", "ann", "tea", 1))
	// Output: seen: tea
}
