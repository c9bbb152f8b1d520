package place

import (
	"bytes"
	"math"
	"slices"
	"testing"
)

// The bytes that docs/format/headers.md and state.md show.
func TestPlaceBytes(t *testing.T) {
	var p Place
	p.OfMessage("in", 2, 300)
	var b Branches
	if got, want := b.Append(nil, &p), []byte("\x01in\x00\x01\x02\x02\x01\x2c\x00"); !bytes.Equal(got, want) {
		t.Errorf("a message's place is %x, want %x", got, want)
	}
	p.OfWindow("w", 1000, []byte("a\x00b"), 3)
	if got, want := b.Append(nil, &p), []byte("\x02w\x00\x02\x03\xe8a\x00\xffb\x00\x01\x01\x03\x00"); !bytes.Equal(got, want) {
		t.Errorf("a window's place is %x, want %x", got, want)
	}
	if got, want := b.Append(nil, &p), []byte("\x02w\x00\x02\x03\xe8a\x00\xffb\x00\x01\x01\x03\x01\x01"); !bytes.Equal(got, want) {
		t.Errorf("the second place of a window is %x, want %x", got, want)
	}
	p.OfPunctuation("p/s", 1, 0)
	if got, want := b.Append(nil, &p), []byte("\x03p/s\x00\x08\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00"); !bytes.Equal(got, want) {
		t.Errorf("a punctuation's place is %x, want %x", got, want)
	}
}

// Places sort as what they say does, and give the message back.
func TestPlaceOrder(t *testing.T) {
	numbers := []uint64{0, 1, 2, 127, 128, 255, 256, 1 << 16, 1<<24 - 1, 1 << 24, math.MaxInt32, 1 << 40, math.MaxInt64}
	var before []byte
	for _, topic := range []string{"a", "a-b", "aa", "b"} {
		for _, partition := range numbers[:11] {
			for _, offset := range numbers {
				var p Place
				p.OfMessage(topic, int32(partition), int64(offset))
				var b Branches
				for range 300 {
					next := b.Append(nil, &p)
					if bytes.Compare(before, next) >= 0 {
						t.Fatalf("%x of %s/%d %d does not come after %x", next, topic, partition, offset, before)
					}
					before = next
				}
				name, number, at, made, err := Message(before)
				if err != nil || !made || string(name) != topic || number != int32(partition) || at != int64(offset) {
					t.Fatalf("%s/%d %d comes back as %s/%d %d, %v, %v", topic, partition, offset, name, number, at, made, err)
				}
			}
		}
	}
	var windows [][]byte
	for _, start := range numbers {
		for _, key := range []string{"", "\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01", "a", "a\x00", "ab", "\xff"} {
			var p Place
			p.OfWindow("w", int64(start), []byte(key), 0)
			var b Branches
			windows = append(windows, b.Append(nil, &p))
		}
	}
	if !slices.IsSortedFunc(windows, bytes.Compare) {
		t.Error("places of windows are not in the order of start and key")
	}
	if _, _, _, made, err := Message(windows[0]); err != nil || made {
		t.Errorf("a window was made from a message: %v, %v", made, err)
	}
	for _, bad := range []string{"", "\x01", "\x01in", "\x01in\x00", "\x01in\x00\x09", "\x01in\x00\x02\x01", "\x01in\x00\x01\x01\x01"} {
		if _, _, _, _, err := Message([]byte(bad)); err == nil {
			t.Errorf("%x was made from a message", bad)
		}
	}
}

// Bytes with an end sort as the bytes do, whatever follows, and come back.
func TestEnded(t *testing.T) {
	keys := []string{"", "\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01", "a", "a\x00", "a\x00\x00b", "a\x00b", "ab", "a\xff", "\xff", "\xff\x00"}
	var all [][]byte
	for _, key := range keys {
		for _, next := range []string{"", "\x00", "\x00\xff", "\x01", "\xfe\xff"} {
			row := append(AppendEnded([]byte{7}, []byte(key)), next...)
			all = append(all, row)
			got, rest, ok := CutEnded([]byte("x"), row[1:])
			if !ok || string(got) != "x"+key || string(rest) != next {
				t.Errorf("%x is %x behind x, and %x, %v", row[1:], got, rest, ok)
			}
		}
		if row := AppendEnded(nil, []byte(key)); len(row) > 0 {
			if got, _, ok := CutEnded(nil, row[:len(row)-1]); ok {
				t.Errorf("%x without its end is %x", row, got)
			}
		}
	}
	if !slices.IsSortedFunc(all, bytes.Compare) {
		t.Error("bytes with an end are not in the order of the bytes")
	}
}
