package state

// arena is memory for keys and values, in pages that never move: it grows without copying, and by
// little at a time.
//
// It is made by hand, as Go has none: a key is no object of its own for the garbage collector, a
// place in it is no pointer, and everything goes at once.
type arena struct {
	pages [][]byte // as long as they are used
	at    int      // the page that is being filled
	large [][]byte // values that have a page of their own
	bytes int      // of all that
	used  int
}

// ref is a place in an arena.
type ref struct{ page, off uint32 }

// The first pages are small, for there are many stores with little in them.
const (
	firstPage = 1 << 10
	pageSize  = 128 << 10
	largeSize = pageSize / 4
	largePage = 1 << 31 // in a ref: one of large
)

// alloc returns n bytes, and where they are.
func (a *arena) alloc(n int) (ref, []byte) {
	a.used += n
	if n > largeSize {
		a.large = append(a.large, make([]byte, n))
		a.bytes += n
		return ref{page: largePage | uint32(len(a.large)-1)}, a.large[len(a.large)-1]
	}
	for ; a.at < len(a.pages); a.at++ {
		if p := a.pages[a.at]; len(p)+n <= cap(p) {
			a.pages[a.at] = p[:len(p)+n]
			return ref{uint32(a.at), uint32(len(p))}, a.pages[a.at][len(p):]
		}
	}
	p := make([]byte, n, max(n, min(pageSize, max(firstPage, a.bytes))))
	a.pages = append(a.pages, p)
	a.bytes += cap(p)
	return ref{page: uint32(a.at)}, p
}

// get returns the n bytes at r. They are never nil.
func (a *arena) get(r ref, n uint32) []byte {
	switch {
	case n == 0:
		return []byte{}
	case r.page&largePage != 0:
		return a.large[r.page&^largePage][:n:n]
	}
	return a.pages[r.page][r.off : r.off+n : r.off+n]
}

// reset makes all of it free, and keeps the pages.
func (a *arena) reset() {
	for _, p := range a.large {
		a.bytes -= len(p)
	}
	for i := range a.pages[:min(a.at+1, len(a.pages))] {
		a.pages[i] = a.pages[i][:0]
	}
	a.at, a.used, a.large = 0, 0, nil
}
