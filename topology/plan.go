package topology

import (
	"time"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// Plan is a checked topology: nodes, stores, internal topics and sub-topologies. It is immutable, and safe for concurrent
// use. [Topology.Build] makes it.
type Plan struct {
	name         string
	subs         []*SubTopology
	globals      []GlobalTable_
	repartitions []Repartition
	sinks        []ops.Sink
}

// SubTopology is a part of the plan between topics: what one task runs, once for each partition.
type SubTopology struct {
	// Name is stable: adding operators does not change it. Task directories go by it.
	Name    string
	Inputs  []Input
	Sinks   []*ops.Sink
	Stores  []StoreSpec
	Globals []string
}

// Input is a topic that a sub-topology reads.
type Input struct {
	// Topic is the topic's name; of a repartition topic without the application's prefix.
	Topic       string
	Repartition bool
	// Timeless inputs carry no time: the task never waits for them.
	Timeless bool
}

// Repartition is an internal topic between two sub-topologies.
type Repartition struct {
	Name string // without the application's prefix and "-repartition"
	// Partitions is 0 for as many as the largest input of its writers has.
	Partitions int32
	// Writers are the sub-topologies that write it, with the Delay by which each one's announced time stays behind its task
	// time: the sum of the window sizes and graces on the longest way to the topic.
	Writers []Writer
}

// Writer is one sub-topology that writes a repartition topic.
type Writer struct {
	SubTopology string
	Delay       time.Duration
}

// StoreKind says how a store's keys are laid out, and so how its changelog's are.
type StoreKind int

const (
	// KeyValueStore has the key's bytes as key.
	KeyValueStore StoreKind = iota
	// WindowStore has the window's start (8 bytes, big-endian, milliseconds) and the key's bytes as key.
	WindowStore
)

// StoreSpec is a store of a sub-topology.
type StoreSpec struct {
	Name string
	Kind StoreKind
	// Timestamped stores begin each value with the record's timestamp (8 bytes, big-endian); in the changelog it is the
	// timestamp of the message.
	Timestamped bool
	// Logged stores have a changelog.
	Logged bool
	// Retention of a window store: size and grace.
	Retention time.Duration
	// Key and Value are the names of the serdes.
	Key, Value string
}

// GlobalTable_ is a topic that every process reads whole.
type GlobalTable_ struct {
	Name, Topic string
	Key, Value  string
}
