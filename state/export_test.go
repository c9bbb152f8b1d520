package state

// Capacity is how many bytes of memory the overlay holds, used or not.
func Capacity(o *Overlay) int {
	n := 0
	for _, s := range o.stores {
		for _, t := range []*table{&s.open, &s.committed} {
			n += t.arena.bytes + 56*t.entries.cap() + 8*cap(t.index) + int(t.ordered.size()) + cap(t.ranges.arena) + 56*cap(t.ranges.all)
		}
	}
	return n
}
