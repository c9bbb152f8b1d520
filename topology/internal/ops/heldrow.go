package ops

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A stored record: version, flags, the key with its length, headers, the value.
// docs/format/state.md describes it.
const (
	inOrderVersion = 1

	rowNoKey   = 1
	rowNoValue = 2
	rowHeaders = 4
)

// split takes a stored record apart: key and value of the output record, which alias it, and the
// headers.
func (s *InOrder[K, V]) split(row []byte) ([]Header, error) {
	out := &s.out
	out.RawKey, out.RawValue = nil, nil
	if len(row) < 2 || row[0] != inOrderVersion || row[1]&^(rowNoKey|rowNoValue|rowHeaders) != 0 {
		return nil, fmt.Errorf("a record begins with %x", row[:min(2, len(row))])
	}
	flags := row[1]
	out.NoKey, out.NoValue = flags&rowNoKey != 0, flags&rowNoValue != 0
	row = row[2:]
	ok := true
	if !out.NoKey {
		if out.RawKey, row, ok = Take(row); !ok {
			return nil, errors.New("a record's key is cut off")
		}
	}
	var headers []Header
	if flags&rowHeaders != 0 {
		if headers, row, ok = TakeHeaders(s.heads[:0], row); !ok {
			return nil, errors.New("a record's headers are cut off")
		}
		s.heads = headers
	}
	if !out.NoValue {
		out.RawValue = row
	}
	return headers, nil
}

// Take takes bytes with their length off b. They are not nil.
func Take(b []byte) (part, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	end := size + int(n)
	return b[size:end:end], b[end:], true
}

// AppendHeaders appends headers: how many, and each one's key with its length, and its value with
// its length and one more, 0 for none.
func AppendHeaders(dst []byte, headers []Header) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(headers)))
	for _, h := range headers {
		dst = append(binary.AppendUvarint(dst, uint64(len(h.Key))), h.Key...)
		if h.Value == nil {
			dst = binary.AppendUvarint(dst, 0)
			continue
		}
		dst = append(binary.AppendUvarint(dst, uint64(len(h.Value))+1), h.Value...)
	}
	return dst
}

// TakeHeaders appends the headers that b begins with to dst. Their values alias b; keys that are
// what dst's memory had at their place are used again.
func TakeHeaders(dst []Header, b []byte) (headers []Header, rest []byte, ok bool) {
	count, size := binary.Uvarint(b)
	if size <= 0 || count > uint64(len(b)) {
		return nil, nil, false
	}
	b = b[size:]
	for range count {
		var key []byte
		if key, b, ok = Take(b); !ok {
			return nil, nil, false
		}
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size)+1 {
			return nil, nil, false
		}
		b = b[size:]
		h := Header{}
		if n > 0 {
			h.Value, b = b[:n-1:n-1], b[n-1:]
		}
		if i := len(dst); i < cap(dst) && dst[:i+1][i].Key == string(key) {
			h.Key = dst[:i+1][i].Key
		} else {
			h.Key = string(key)
		}
		dst = append(dst, h)
	}
	return dst, b, true
}
