package ops

import (
	"bytes"
	"testing"
)

// A stored record's bytes, and every one that is cut off is refused.
func TestInOrderRow(t *testing.T) {
	want := []byte("\x01\x04\x01k\x01\x01h\x02xv")
	row := append([]byte{inOrderVersion, rowHeaders, 1, 'k'}, AppendHeaders(nil, []Header{{Key: "h", Value: []byte("x")}})...)
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
	empty := []Header{{Key: ""}, {Key: "a", Value: []byte{}}, {Key: "a"}}
	back, rest, ok := TakeHeaders(nil, append(AppendHeaders(nil, empty), 7))
	if !ok || len(rest) != 1 || len(back) != 3 || back[0].Value != nil || back[1].Value == nil || back[2].Value != nil {
		t.Errorf("%+v comes back as %+v, %v, %v", empty, back, rest, ok)
	}
	if _, err := s.split([]byte{1, rowNoKey}); err != nil || s.out.RawValue == nil || !s.out.NoKey || s.out.RawKey != nil {
		t.Errorf("no key and an empty value come back as %+v, %v", s.out, err)
	}
}
