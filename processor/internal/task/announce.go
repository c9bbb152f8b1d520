package task

import (
	"encoding/binary"
	"fmt"
)

// The headers of repartition topics. docs/format/headers.md describes them byte by byte.
const (
	// LateHeader carries ref - timestamp of a record, when it is not 0.
	LateHeader = "kolk-late"
	// TimeHeader carries an announcement.
	TimeHeader = "kolk-time"
	// PlaceHeader carries where a record stands among those of the same timestamp, where an InOrder
	// wants to know it.
	PlaceHeader = "kolk-place"

	headerVersion = 1
)

// flags of an announcement.
type flags uint8

const (
	// idle: all the writer's inputs are idle. It is not waited for, and does not hold time back.
	idle flags = 1 << iota
	// caughtUp: the writer had processed all there was. It is not waited for outside bounded runs.
	caughtUp
	// end: the writer has ended in the announced run.
	end
	// control: the message is nothing but the announcement.
	control

	allFlags = idle | caughtUp | end | control
)

// announcement is what a task says of its time to the readers of a repartition partition. It covers
// what lies before it in the partition: nothing that comes later counts for a window whose end and
// grace lie at or before time.
type announcement struct {
	sub       []byte // the writer's sub-topology; aliases the header when it was parsed
	partition int32
	run       uint64 // of the bounded run, 0 for none
	time      int64
	flags     flags
}

// append appends the encoding of a.
func (a *announcement) append(dst []byte) []byte {
	dst = append(dst, headerVersion, byte(a.flags))
	dst = binary.AppendUvarint(dst, a.run)
	dst = binary.AppendVarint(dst, a.time)
	dst = binary.AppendUvarint(dst, uint64(a.partition))
	return append(dst, a.sub...)
}

// parse decodes b.
func (a *announcement) parse(b []byte) error {
	if len(b) < 2 {
		return fmt.Errorf("header %s of %d bytes", TimeHeader, len(b))
	}
	if b[0] != headerVersion {
		return fmt.Errorf("header %s of version %d, which a newer kolk has written", TimeHeader, b[0])
	}
	a.flags = flags(b[1])
	if a.flags&^allFlags != 0 {
		return fmt.Errorf("header %s with unknown flags %#x", TimeHeader, b[1])
	}
	b = b[2:]
	run, n := binary.Uvarint(b)
	if n <= 0 {
		return fmt.Errorf("header %s: malformed run", TimeHeader)
	}
	a.run, b = run, b[n:]
	time, n := binary.Varint(b)
	if n <= 0 {
		return fmt.Errorf("header %s: malformed time", TimeHeader)
	}
	a.time, b = time, b[n:]
	p, n := binary.Uvarint(b)
	if n <= 0 || p > 1<<31-1 {
		return fmt.Errorf("header %s: malformed partition", TimeHeader)
	}
	a.partition, a.sub = int32(p), b[n:]
	if len(a.sub) == 0 {
		return fmt.Errorf("header %s: no writer", TimeHeader)
	}
	return nil
}

// parsePlace takes the place out of the value of PlaceHeader.
func parsePlace(b []byte) ([]byte, error) {
	if len(b) < 2 {
		return nil, fmt.Errorf("header %s of %d bytes", PlaceHeader, len(b))
	}
	if b[0] != headerVersion {
		return nil, fmt.Errorf("header %s of version %d, which a newer kolk has written", PlaceHeader, b[0])
	}
	return b[1:], nil
}

// appendLate appends the value of LateHeader.
func appendLate(dst []byte, late int64) []byte {
	return binary.AppendVarint(append(dst, headerVersion), late)
}

// parseLate decodes the value of LateHeader.
func parseLate(b []byte) (int64, error) {
	if len(b) < 2 {
		return 0, fmt.Errorf("header %s of %d bytes", LateHeader, len(b))
	}
	if b[0] != headerVersion {
		return 0, fmt.Errorf("header %s of version %d, which a newer kolk has written", LateHeader, b[0])
	}
	late, n := binary.Varint(b[1:])
	if n != len(b)-1 {
		return 0, fmt.Errorf("header %s: malformed", LateHeader)
	}
	return late, nil
}
