package suppress

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// The rows of the store, as docs/format/state.md describes them.
const (
	rowVersion = 2

	rowNoValue = 2
	rowHeaders = 4
	rowOld     = 8
)

// held is a row taken apart. Its bytes alias the row's.
type held struct {
	ts         int64
	none       bool // a deletion
	headers    []Header
	old, value []byte // old is nil for none
}

// appendRow begins a row.
func appendRow(dst []byte, ts int64, none bool) []byte {
	dst = append(dst, rowVersion, 0)
	if none {
		dst[len(dst)-1] |= rowNoValue
	}
	return binary.BigEndian.AppendUint64(dst, uint64(ts))
}

// appendHeaders appends headers, if there are any.
func appendHeaders(row []byte, headers []Header) []byte {
	if len(headers) == 0 {
		return row
	}
	row[1] |= rowHeaders
	return ops.AppendHeaders(row, headers)
}

// appendOld appends what was handed on before.
func appendOld(row, old []byte) []byte {
	row[1] |= rowOld
	return append(binary.AppendUvarint(row, uint64(len(old))), old...)
}

// keepOld appends what another row has of what was handed on before.
func keepOld(row, from []byte) ([]byte, error) {
	h, err := split(nil, from)
	if err != nil || h.old == nil {
		return row, err
	}
	return appendOld(row, h.old), nil
}

func (s *Suppress[K, V]) split(row []byte) (h held, err error) {
	h, err = split(s.heads[:0], row)
	s.heads = h.headers[:0]
	return h, err
}

// split takes a row apart. Its headers are appended to heads.
func split(heads []Header, row []byte) (h held, err error) {
	const fixed = 10
	if len(row) < fixed || row[0] != rowVersion || row[1]&^(rowNoValue|rowHeaders|rowOld) != 0 {
		return h, fmt.Errorf("a row begins with %x", row[:min(2, len(row))])
	}
	flags := row[1]
	h.ts, h.none = int64(binary.BigEndian.Uint64(row[2:])), flags&rowNoValue != 0
	row = row[fixed:]
	ok := true
	if flags&rowHeaders != 0 {
		if h.headers, row, ok = ops.TakeHeaders(heads, row); !ok {
			return h, errors.New("the headers of a row are cut off")
		}
	}
	if flags&rowOld != 0 {
		if h.old, row, ok = ops.Take(row); !ok {
			return h, errors.New("the old value of a row is cut off")
		}
	}
	if !h.none {
		h.value = operator.Present(row)
	}
	return h, nil
}
