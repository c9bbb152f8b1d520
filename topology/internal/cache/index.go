package cache

// index finds numbers by hash: open addressing with linear probing. It does not know keys; whoever
// asks compares them.
type index struct {
	// slots hold hash<<32 | number, or 0: a power of two of them, at most three quarters full.
	slots []uint64
	n     int
}

// add adds a number, which is not 0.
func (x *index) add(hash uint32, number int32) {
	if 4*(x.n+1) > 3*len(x.slots) {
		x.grow()
	}
	x.insert(uint64(hash)<<32 | uint64(uint32(number)))
	x.n++
}

func (x *index) insert(slot uint64) {
	mask := len(x.slots) - 1
	at := int(slot>>32) & mask
	for x.slots[at] != 0 {
		at = (at + 1) & mask
	}
	x.slots[at] = slot
}

func (x *index) grow() {
	old := x.slots
	x.slots = make([]uint64, max(64, 2*len(old)))
	for _, slot := range old {
		if slot != 0 {
			x.insert(slot)
		}
	}
}

// remove takes a number out, which is there. What lies behind it moves up, so that no gap stands
// between a slot and where its search begins.
func (x *index) remove(hash uint32, number int32) {
	mask := len(x.slots) - 1
	gap := int(hash) & mask
	for slot := uint64(hash)<<32 | uint64(uint32(number)); x.slots[gap] != slot; {
		gap = (gap + 1) & mask
	}
	for at := (gap + 1) & mask; x.slots[at] != 0; at = (at + 1) & mask {
		if home := int(x.slots[at]>>32) & mask; (at-home)&mask >= (at-gap)&mask {
			x.slots[gap] = x.slots[at]
			gap = at
		}
	}
	x.slots[gap] = 0
	x.n--
}
