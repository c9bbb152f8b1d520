// Package bykey has the keys of the second rows of stores whose rows lie in the order of time: rows
// of no value that lead from a key to its rows. Changelogs do not have them; who restores a store
// makes them anew.
//
//	in the order of time    time (8 or 16 bytes), key
//	by key                  ff, length of the key (uvarint), key, time
package bykey

import "encoding/binary"

// first is what rows by key begin with. No time does: times are never negative.
const first = 0xff

// Is reports whether a key of such a store is that of a row by key.
func Is(row []byte) bool { return len(row) != 0 && row[0] == first }

// Prefix appends what all rows by key of a key begin with, and no row of another key.
func Prefix(dst, key []byte) []byte {
	dst = binary.AppendUvarint(append(dst, first), uint64(len(key)))
	return append(dst, key...)
}

// Row appends the key of the row by key that belongs to a row, which begins with so many bytes of
// time.
func Row(dst, row []byte, times int) []byte {
	return append(Prefix(dst, row[times:]), row[:times]...)
}
