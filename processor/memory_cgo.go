//go:build cgo

package processor

// outsideHeap: with cgo Pebble has blocks and memtables where the Go runtime does not count them.
const outsideHeap = true
