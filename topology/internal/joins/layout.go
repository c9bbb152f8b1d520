package joins

import (
	"encoding/binary"

	"github.com/kolkstream/kolk/internal/place"
)

// The rows of the stores, as docs/format/state.md describes them. Numbers are big-endian.
//
//	buffer   segment(8) key time(8) number(4)            ref(8) value
//	waiting  close(8) side(1) key end time(8) number(4)  nothing
const (
	startSize = 8     // segment, close
	timeSize  = 8 + 4 // time and number
	refSize   = 8     // before a value
	sideSize  = 1
	last      = 1<<32 - 1 // number
)

// appendTime appends what rows begin with.
func appendTime(dst []byte, ms int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(ms)) }

// timeOf returns what a row begins with.
func timeOf(row []byte) int64 { return int64(binary.BigEndian.Uint64(row)) }

// appendRow appends the key of a row of a buffer.
func appendRow(dst []byte, segment int64, key []byte, ts int64, number uint32) []byte {
	dst = append(appendTime(dst, segment), key...)
	return binary.BigEndian.AppendUint32(appendTime(dst, ts), number)
}

// appendWaiting appends the key of a row of a record that waits. The key has an end: rows of one
// close and side sort as keys do, and no time follows one that is the beginning of another.
func appendWaiting(dst []byte, closes int64, s Side, key []byte, ts int64, number uint32) []byte {
	dst = place.AppendEnded(append(appendTime(dst, closes), byte(s)), key)
	return binary.BigEndian.AppendUint32(appendTime(dst, ts), number)
}

// splitWaiting takes what appendWaiting has appended apart, and appends the key to dst.
func splitWaiting(dst, b []byte) (s Side, key []byte, ts int64, number uint32, ok bool) {
	if len(b) < startSize+sideSize || b[startSize] > byte(Left) {
		return 0, dst, 0, 0, false
	}
	key, rest, ok := place.CutEnded(dst, b[startSize+sideSize:])
	if !ok || len(rest) != timeSize {
		return 0, dst, 0, 0, false
	}
	return Side(b[startSize]), key, timeOf(rest), binary.BigEndian.Uint32(rest[8:]), true
}

// split takes what a row's key has behind its first bytes apart.
func split(b []byte) (key []byte, ts int64, number uint32) {
	n := len(b) - timeSize
	return b[:n:n], timeOf(b[n:]), binary.BigEndian.Uint32(b[n+8:])
}
