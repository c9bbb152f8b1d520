package ops

import (
	"bytes"
	"math"
	"slices"
	"testing"
)

// The bytes that docs/format/headers.md and state.md show.
func TestPlaceBytes(t *testing.T) {
	var p place
	p.ofMessage(Origin{Topic: "in", Partition: 2, Offset: 300})
	var b Branches
	if got, want := b.append(nil, &p), []byte("\x01in\x00\x01\x02\x02\x01\x2c\x00"); !bytes.Equal(got, want) {
		t.Errorf("a message's place is %x, want %x", got, want)
	}
	p.ofWindow("w", 1000, []byte("a\x00b"), 3)
	if got, want := b.append(nil, &p), []byte("\x02w\x00\x02\x03\xe8a\x00\xffb\x00\x01\x01\x03\x00"); !bytes.Equal(got, want) {
		t.Errorf("a window's place is %x, want %x", got, want)
	}
	if got, want := b.append(nil, &p), []byte("\x02w\x00\x02\x03\xe8a\x00\xffb\x00\x01\x01\x03\x01\x01"); !bytes.Equal(got, want) {
		t.Errorf("the second place of a window is %x, want %x", got, want)
	}
	p.ofPunctuation("p/s", 1, 0)
	if got, want := b.append(nil, &p), []byte("\x03p/s\x00\x08\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00"); !bytes.Equal(got, want) {
		t.Errorf("a punctuation's place is %x, want %x", got, want)
	}
}

// Places sort as what they say does, and give the message back.
func TestPlaceOrder(t *testing.T) {
	numbers := []uint64{0, 1, 2, 127, 128, 255, 256, 1 << 16, 1<<24 - 1, 1 << 24, math.MaxInt32, 1 << 40, math.MaxInt64}
	var before []byte
	var last Origin
	for _, topic := range []string{"a", "a-b", "aa", "b"} {
		for _, partition := range numbers[:11] {
			for _, offset := range numbers {
				o := Origin{Topic: topic, Partition: int32(partition), Offset: int64(offset)}
				var p place
				p.ofMessage(o)
				var b Branches
				for range 300 {
					next := b.append(nil, &p)
					if bytes.Compare(before, next) >= 0 {
						t.Fatalf("%x of %v does not come after %x", next, o, before)
					}
					before = next
				}
				if got, err := origin(before, &last); err != nil || got != o {
					t.Fatalf("%v comes back as %v, %v", o, got, err)
				}
			}
		}
	}
	var windows [][]byte
	for _, start := range numbers {
		for _, key := range []string{"", "\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01", "a", "a\x00", "ab", "\xff"} {
			var p place
			p.ofWindow("w", int64(start), []byte(key), 0)
			var b Branches
			windows = append(windows, b.append(nil, &p))
		}
	}
	if !slices.IsSortedFunc(windows, bytes.Compare) {
		t.Error("places of windows are not in the order of start and key")
	}
	if o, err := origin(windows[0], &last); err != nil || o != (Origin{}) {
		t.Errorf("a window has the origin %v, %v", o, err)
	}
	for _, bad := range []string{"", "\x01", "\x01in", "\x01in\x00", "\x01in\x00\x09", "\x01in\x00\x02\x01", "\x01in\x00\x01\x01\x01"} {
		if _, err := origin([]byte(bad), &last); err == nil {
			t.Errorf("%x has an origin", bad)
		}
	}
}

// A stored record's bytes, and every one that is cut off is refused.
func TestInOrderRow(t *testing.T) {
	want := []byte("\x01\x04\x01k\x01\x01h\x02xv")
	row := append([]byte{inOrderVersion, rowHeaders, 1, 'k'}, appendHeaders(nil, []Header{{"h", []byte("x")}})...)
	if row = append(row, 'v'); !bytes.Equal(row, want) {
		t.Errorf("the row is %x, want %x", row, want)
	}
	var s InOrder[string, string]
	headers, err := s.split(row)
	if err != nil || len(headers) != 1 || headers[0].Key != "h" || string(headers[0].Value) != "x" ||
		string(s.out.RawKey) != "k" || string(s.out.RawValue) != "v" || s.out.NoKey || s.out.NoValue {
		t.Errorf("it comes back as %+v, %v, %v", s.out, headers, err)
	}
	for n := range len(row) - 1 { // without the value it is one of the value ""
		if _, err := s.split(row[:n]); err == nil {
			t.Errorf("%x is taken for a row", row[:n])
		}
	}
	if _, err := s.split([]byte{2, 0, 0}); err == nil {
		t.Error("another version is taken for this one")
	}
	if _, err := s.split([]byte{1, 8, 0}); err == nil {
		t.Error("unknown flags are taken for nothing")
	}
	empty := []Header{{"", nil}, {"a", []byte{}}, {"a", nil}}
	back, rest, ok := takeHeaders(nil, append(appendHeaders(nil, empty), 7))
	if !ok || len(rest) != 1 || len(back) != 3 || back[0].Value != nil || back[1].Value == nil || back[2].Value != nil {
		t.Errorf("%+v comes back as %+v, %v, %v", empty, back, rest, ok)
	}
	if _, err := s.split([]byte{1, rowNoKey}); err != nil || s.out.RawValue == nil || !s.out.NoKey || s.out.RawKey != nil {
		t.Errorf("no key and an empty value come back as %+v, %v", s.out, err)
	}
}
