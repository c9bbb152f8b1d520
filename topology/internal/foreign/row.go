package foreign

import (
	"encoding/binary"
	"fmt"

	"github.com/kolkstream/kolk/state"
)

// row is what the place of the result knows of a left row.
type row struct {
	there  bool // the row is in the join, and what it is since change number
	number int64
	ts     int64 // of the row
	value  []byte

	joined bool // the result has a row

	// rightTS is the timestamp of the right row that the result was made of, where the time of a
	// deletion goes by it.
	hasRight bool
	rightTS  int64

	// early is an answer to a change that it has not been told of, or a stale one of a row that is
	// gone: there is no telling. The second kind goes with the end of the subscription.
	hasEarly bool
	early    Answer
	earlyTS  int64
}

const (
	rowThere = 1 << iota
	rowJoined
	rowEarly
	rowRight
)

// append appends the row's bytes; docs/format/foreign.md describes them.
func (r *row) append(dst []byte) []byte {
	dst = append(dst, version, flag(r.there, rowThere)|flag(r.joined, rowJoined)|flag(r.hasEarly, rowEarly)|flag(r.hasRight, rowRight))
	if r.hasRight {
		dst = binary.BigEndian.AppendUint64(dst, uint64(r.rightTS))
	}
	if r.hasEarly {
		dst = binary.BigEndian.AppendUint64(dst, uint64(r.earlyTS))
		dst = binary.AppendUvarint(dst, uint64(messageHead+len(r.early.Right)))
		dst = appendAnswer(dst, r.early)
	}
	if r.there {
		dst = binary.BigEndian.AppendUint64(dst, uint64(r.number))
		dst = binary.BigEndian.AppendUint64(dst, uint64(r.ts))
		dst = append(dst, r.value...)
	}
	return dst
}

// parse reads a row, which keeps parts of b.
func (r *row) parse(b []byte) error {
	*r = row{}
	bad := func() error { return fmt.Errorf("%w: a row of %d bytes is cut", state.ErrCorrupt, len(b)) }
	if len(b) < 2 {
		return bad()
	}
	flags := b[1]
	switch {
	case b[0] != version:
		return fmt.Errorf("a row of version %d, which a newer kolk has written", b[0])
	case flags >= rowRight<<1:
		return fmt.Errorf("%w: a row with flags %#x", state.ErrCorrupt, flags)
	}
	r.there, r.joined, r.hasEarly, r.hasRight = flags&rowThere != 0, flags&rowJoined != 0, flags&rowEarly != 0, flags&rowRight != 0
	rest := b[2:]
	cut := false
	number := func() int64 {
		if cut = cut || len(rest) < 8; cut {
			return 0
		}
		n := int64(binary.BigEndian.Uint64(rest))
		rest = rest[8:]
		return n
	}
	if r.hasRight {
		r.rightTS = number()
	}
	if r.hasEarly {
		r.earlyTS = number()
		size, n := binary.Uvarint(rest)
		if cut || n <= 0 || size > uint64(len(rest)-n) {
			return bad()
		}
		var err error
		if r.early, err = AnswerSerde().Decode(rest[n : n+int(size)]); err != nil {
			return err
		}
		rest = rest[n+int(size):]
	}
	if r.there {
		r.number, r.ts = number(), number()
		r.value = rest
	}
	if cut {
		return bad()
	}
	return nil
}
