package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// data describes the generated records. They follow from these numbers alone.
type data struct {
	n          int   // events
	keys       int   // distinct keys, uniform
	valueBytes int   // length of a value
	partitions int32 // of every topic
	seed       uint64
	base       int64 // ms, time of the first event
	fill       bool  // each key has an event of its own before the n events
}

const (
	eventsPerMS = 10
	fields      = 1000   // distinct first fields of a value
	lateness    = 3000   // ms that a late event may be behind
	windowMS    = 10_000 // the workloads' windows; their grace is 5 s
	apartMS     = 5000   // the gap of sessions, and how far apart two joined events may be
	// how far behind the last event the closers are: past every window's end and grace
	closingMS     = 60_000
	tableAge      = 3600_000 // ms that the table's records are before the first event
	recordsAtOnce = 1024
	// a prime, larger than any number of keys: its multiples go through all of them in no order
	// that a store could use
	scatter = 2654435761
)

// The kinds of topic.
const (
	events = "events" // n events
	closed = "closed" // the same, and then a record per partition that closes all windows
	unique = "unique" // n events, each of another key
	others = "others" // n events of another stream, over the same time
	right  = "right"  // two records per key, all older than the events, for nine tenths of the keys
)

// topic names the topic of a kind: another data set has other topics.
func (d data) topic(kind string) string {
	return fmt.Sprintf("kolk-bench-%s-n%d-f%d-k%d-v%d-p%d-s%d-t%d", kind, d.n, d.filling(), d.keys, d.valueBytes, d.partitions, d.seed, d.base)
}

// filling is how many events come before the n that count.
func (d data) filling() int {
	if d.fill {
		return d.keys
	}
	return 0
}

// size is how many records a topic of this kind has.
func (d data) size(kind string) int64 {
	switch kind {
	case closed:
		return int64(d.filling()) + int64(d.n) + int64(d.partitions)
	case right:
		return 2 * int64(d.keys)
	case unique:
		return int64(d.n)
	default:
		return int64(d.filling()) + int64(d.n)
	}
}

// records calls fn with every record of a topic, in order: key, value, timestamp and partition are
// set. fn owns the record.
func (d data) records(kind string, fn func(*kgo.Record)) {
	stream := uint64(1) // closed begins as events does
	switch kind {
	case right:
		stream = 2
	case others:
		stream = 3
	}
	rng := rand.New(rand.NewPCG(d.seed, stream))
	text := newText(rng)
	slab := []kgo.Record{}
	next := func(key []byte, value []byte, ts int64, partition int32) {
		if len(slab) == 0 {
			slab = make([]kgo.Record, recordsAtOnce)
		}
		r := &slab[0]
		slab = slab[1:]
		r.Key, r.Value, r.Timestamp, r.Partition = key, value, time.UnixMilli(ts), partition
		fn(r)
	}
	keyed := func(k int, i int, ts int64) {
		key := userKey(k)
		next(key, d.value(rng, text, i), ts, partitionOf(key, d.partitions))
	}
	if kind == right {
		for i := range 2 * d.keys {
			keyed(rng.IntN(max(d.keys*9/10, 1)), i, d.base-tableAge+int64(i/100))
		}
		return
	}
	if kind == unique {
		for i := range d.n {
			keyed(i, i, d.base+int64(i/eventsPerMS))
		}
		return
	}
	n := d.filling() + d.n
	for i := range n {
		ts := d.base + int64(i/eventsPerMS)
		if rng.IntN(20) == 0 {
			ts -= int64(rng.IntN(lateness))
		}
		k := i * scatter % d.keys // all different for i below keys
		if i >= d.filling() {
			k = rng.IntN(d.keys)
		}
		keyed(k, i, ts)
	}
	if kind == closed {
		for p := range d.partitions {
			next(strconv.AppendInt([]byte("close-"), int64(p), 10), d.value(rng, text, n), d.base+int64(n/eventsPerMS)+closingMS, p)
		}
	}
}

// newText returns 64 KiB that compress about as well as prose.
func newText(rng *rand.Rand) []byte {
	const letters = "eeeeettttaaaooinshrdlu "
	text := make([]byte, 64<<10)
	for i := range text {
		text[i] = letters[rng.IntN(len(letters))]
	}
	return text
}

// value is "<field>|<number of the record>|<text>".
func (d data) value(rng *rand.Rand, text []byte, i int) []byte {
	v := make([]byte, 0, d.valueBytes)
	v = append(v, 'f')
	v = strconv.AppendInt(v, int64(rng.IntN(fields)), 10)
	v = append(v, '|')
	v = strconv.AppendInt(v, int64(i), 36)
	v = append(v, '|')
	if rest := d.valueBytes - len(v); rest > 0 {
		at := rng.IntN(len(text) - rest)
		v = append(v, text[at:at+rest]...)
	}
	return v
}

func userKey(k int) []byte { return strconv.AppendInt([]byte("user-"), int64(k), 10) }

// partitionOf is Kafka's default partitioner for a record with a key. It is this package's own, so
// that it checks the partitions that others choose.
func partitionOf(key []byte, partitions int32) int32 {
	return int32(murmur2(key)&0x7fffffff) % partitions
}

func murmur2(data []byte) uint32 {
	const m = 0x5bd1e995
	h := uint32(0x9747b28c) ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := uint32(data[0]) | uint32(data[1])<<8 | uint32(data[2])<<16 | uint32(data[3])<<24
		k *= m
		k ^= k >> 24
		h = h*m ^ k*m
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(data[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
