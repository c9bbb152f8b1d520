// Package windows holds the aggregates over windows of event time.
package windows

// Windowed is a key in a window.
type Windowed[K any] struct {
	Window Window
	Key    K
}

// Spans are the windows of an aggregation, and for how long after its end, in milliseconds, each is
// open.
type Spans struct {
	Cut
	Grace int64
}

// Cut says where windows begin and end. A window goes by its mark: the time that its rows in the
// store begin with, which grows from window to window, as their ends do. That is its start, but for
// windows that share one.
type Cut interface {
	// First returns the mark of the earliest window that ts, the time of a record, lies in.
	First(ts int64) int64
	// Next returns the mark of the next window that ts lies in. ok is false if there is none.
	Next(mark, ts int64) (next int64, ok bool)
	// Start and End return the bounds of the window of a mark. No window begins before 1970.
	Start(mark int64) int64
	End(mark int64) int64
}

// window returns the window of a mark.
func (s Spans) window(mark int64) Window { return Window{Start: s.Start(mark), End: s.End(mark)} }

// closes returns the time at which the window of that mark is closed.
func (s Spans) closes(mark int64) int64 { return s.End(mark) + s.Grace }

// Aligned windows are Size long, one beginning every Advance, at Offset, which is smaller than
// Advance, and its multiples from there on. Before the Offset there is a part of a window that
// would have begun before 1970.
type Aligned struct{ Size, Advance, Offset int64 }

// First implements Cut.
func (a Aligned) First(ts int64) int64 {
	if ts < a.Offset || ts-a.Offset < a.Size-a.Advance && a.Offset > 0 {
		return 0
	}
	return max(0, ts-a.Offset-a.Size+a.Advance)/a.Advance*a.Advance + a.Offset
}

// Next implements Cut.
func (a Aligned) Next(mark, ts int64) (int64, bool) {
	if mark < a.Offset {
		mark = a.Offset
	} else {
		mark += a.Advance
	}
	return mark, mark <= ts
}

// Start implements Cut.
func (a Aligned) Start(mark int64) int64 { return mark }

// End implements Cut.
func (a Aligned) End(mark int64) int64 {
	if mark < a.Offset {
		return a.Offset - a.Advance + a.Size
	}
	return mark + a.Size
}

// Cumulating windows begin at the multiples of Size. Of those that begin at one, the first is Step
// long, and each of the others is Step longer than the one before, up to Size, a multiple of it.
// Their mark is the beginning of their last step.
type Cumulating struct{ Size, Step int64 }

// First implements Cut.
func (c Cumulating) First(ts int64) int64 { return ts / c.Step * c.Step }

// Next implements Cut.
func (c Cumulating) Next(mark, ts int64) (int64, bool) {
	mark += c.Step
	return mark, mark%c.Size != 0
}

// Start implements Cut.
func (c Cumulating) Start(mark int64) int64 { return mark / c.Size * c.Size }

// End implements Cut.
func (c Cumulating) End(mark int64) int64 { return mark + c.Step }
