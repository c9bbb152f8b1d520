package suppress

import (
	"bytes"
	"slices"
	"testing"
)

// The bytes of a row, and every one that is cut off is refused.
func TestRow(t *testing.T) {
	want := []byte("\x02\x0c\x00\x00\x00\x00\x00\x0f\x42\x40\x01\x01h\x02x\x03old" + "new")
	row := appendRow(nil, 1_000_000, false)
	row = appendHeaders(row, []Header{{Key: "h", Value: []byte("x")}})
	row = append(appendOld(row, []byte("old")), "new"...)
	if !bytes.Equal(row, want) {
		t.Errorf("the row is %x, want %x", row, want)
	}
	h, err := split(nil, row)
	if err != nil || h.ts != 1_000_000 || h.none || string(h.old) != "old" || string(h.value) != "new" || len(h.headers) != 1 {
		t.Errorf("it comes back as %+v, %v", h, err)
	}
	for n := range len(row) - len("new") {
		if _, err := split(nil, row[:n]); err == nil {
			t.Errorf("%x is taken for a row", row[:n])
		}
	}
	if h, err := split(nil, appendRow(nil, 7, true)); err != nil || !h.none || h.value != nil || h.old != nil || h.ts != 7 {
		t.Errorf("a deletion comes back as %+v, %v", h, err)
	}
	if h, err := split(nil, appendOld(appendRow(nil, 7, false), nil)); err != nil || h.old == nil || h.value == nil {
		t.Errorf("empty values come back as %+v, %v", h, err)
	}
	for _, wrong := range [][2]byte{{1, 0}, {2, 1}, {2, 16}} {
		if _, err := split(nil, append(wrong[:], make([]byte, 8)...)); err == nil {
			t.Errorf("%x is taken for the begin of a row", wrong)
		}
	}
	kept, err := keepOld(appendRow(nil, 9, true), row)
	if h, err2 := split(nil, kept); err != nil || err2 != nil || string(h.old) != "old" || h.ts != 9 {
		t.Errorf("the old value is kept as %+v, %v, %v", h, err, err2)
	}
	if !slices.Equal(row, want) {
		t.Error("a row was changed")
	}
}
