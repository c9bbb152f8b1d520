package joins

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"github.com/kolkstream/kolk/state"
)

// The row of a record that waits, as docs/format/state.md has it. Rows without an end of the key,
// and others that are no rows, are errors.
func TestWaitingBytes(t *testing.T) {
	row := appendWaiting(nil, 2000, Left, []byte("a\x00"), 1000, 0)
	want := "00000000000007d0" + "01" + "6100ff00" + "00000000000003e8" + "00000000"
	if got := hex.EncodeToString(row); got != want {
		t.Errorf("a row is\n%s, want\n%s", got, want)
	}
	w := waiting{name: "w"}
	s, key, ts, number, err := w.row([]byte("x"), row)
	if s != Left || string(key) != "xa\x00" || ts != 1000 || number != 0 || err != nil {
		t.Errorf("%x is %d %q %d %d, %v", row, s, key, ts, number, err)
	}
	for _, key := range []string{"", "a", "b\xff", "\x00\x00\x00\x01", "a\x00\x00"} {
		old := append(append(appendTime(nil, 2000), byte(Left)), key...)
		old = append(appendTime(old, 1000), 0, 0, 0, 0)
		if _, _, _, _, err := w.row(nil, old); !errors.Is(err, state.ErrCorrupt) {
			t.Errorf("%x: %v", old, err)
		}
	}
	for _, bad := range [][]byte{nil, row[:8], row[:9], row[:len(row)-1], append(slices.Clone(row), 0), bytes.Replace(row, []byte{1}, []byte{2}, 1)} {
		if _, _, _, _, err := w.row(nil, bad); !errors.Is(err, state.ErrCorrupt) {
			t.Errorf("%x: %v", bad, err)
		}
	}
}

// Rows lie in the order of close, side, key, time and number, and come back.
func TestWaitingOrder(t *testing.T) {
	times := []int64{0, 1, 255, 256, 0xff00, 1 << 32, 1<<62 + 0xff}
	var rows [][]byte
	for _, closes := range times {
		for _, side := range []Side{Right, Left} {
			for _, key := range []string{"", "\x00", "\x00\x00", "\x00\xff", "a", "a\x00", "a\x00b", "a\x01", "ab", "\xff"} {
				for _, ts := range times {
					for _, number := range []uint32{0, 1, 255, last} {
						row := appendWaiting(nil, closes, side, []byte(key), ts, number)
						rows = append(rows, row)
						s, k, at, n, ok := splitWaiting(nil, row)
						if !ok || timeOf(row) != closes || s != side || string(k) != key || at != ts || n != number {
							t.Fatalf("%x is %d %q %d %d, %v", row, s, k, at, n, ok)
						}
					}
				}
			}
		}
	}
	if !slices.IsSortedFunc(rows, bytes.Compare) {
		t.Error("rows are not in order")
	}
}
