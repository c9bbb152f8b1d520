// Package windows holds the aggregates over windows of event time.
package windows

// Windowed is a key in a window.
type Windowed[K any] struct {
	Window Window
	Key    K
}

// Spans are the windows of an aggregation, in milliseconds: each of Size long, one beginning at
// every multiple of Advance from 0 on, and open for Grace after its end.
type Spans struct {
	Size, Advance, Grace int64
}

// first returns the start of the earliest window that ts, the time of a record, lies in. No window
// begins before 1970.
func (s Spans) first(ts int64) int64 {
	return max(0, ts-s.Size+s.Advance) / s.Advance * s.Advance
}

// closes returns the time at which the window of that start is closed.
func (s Spans) closes(start int64) int64 { return start + s.Size + s.Grace }
