package value

import (
	"bytes"
	"encoding/base64"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"sync"

	"github.com/kolkstream/kolk/serde"
)

// AppendJSON appends v as JSON without white space: objects with their fields in order, whole
// numbers without a point, bytes in base64. Equal values give equal bytes.
func AppendJSON(dst []byte, v Value) ([]byte, error) {
	var err error
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case float64:
		return appendFloat(dst, v)
	case string:
		if dst, err = jsontext.AppendQuote(dst, v); err != nil {
			return nil, fmt.Errorf("topoyaml: json: a string is not UTF-8: %q", v)
		}
		return dst, nil
	case []byte:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v)
		return append(dst, '"'), nil
	case []Value:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = AppendJSON(dst, e); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case Appender:
		return v.AppendJSON(dst)
	case *Object:
		dst = append(dst, '{')
		for i, f := range v.fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = AppendName(dst, f.Name); err != nil {
				return nil, err
			}
			if dst, err = AppendJSON(dst, f.Value); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	}
	return nil, fmt.Errorf("topoyaml: json: a %T is no value", v)
}

// Appender is a value that writes itself, without making an object first.
type Appender interface {
	AppendJSON(dst []byte) ([]byte, error)
}

// AppendName appends the name of a field and the colon.
func AppendName(dst []byte, name string) ([]byte, error) {
	dst, err := jsontext.AppendQuote(dst, name)
	if err != nil {
		return nil, fmt.Errorf("topoyaml: json: a field's name is not UTF-8: %q", name)
	}
	return append(dst, ':'), nil
}

// appendFloat writes a number as ECMAScript and Go's encoding/json do.
func appendFloat(dst []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("topoyaml: json: %v has no representation", f)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
		// e-09 becomes e-9.
		if n := len(dst); n >= 4 && dst[n-4] == 'e' && (dst[n-3] == '-' || dst[n-3] == '+') && dst[n-2] == '0' {
			dst[n-2] = dst[n-1]
			dst = dst[:n-1]
		}
		return dst, nil
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64), nil
}

// jsonReader decodes JSON into values. It is reused, for it remembers the names of fields.
type jsonReader struct {
	buf   bytes.Buffer
	dec   *jsontext.Decoder
	names map[string]string
	text  []byte
}

// maxNames bounds what a reader remembers: data with ever new names shall not grow it.
const maxNames = 1024

var errTrailing = errors.New("text after the value")

var jsonReaders = sync.Pool{New: func() any {
	return &jsonReader{dec: jsontext.NewDecoder(bytes.NewReader(nil)), names: map[string]string{}}
}}

// ParseJSON decodes one JSON value. Names that occur twice in an object, and strings that are not
// UTF-8, are errors.
func ParseJSON(src []byte) (Value, error) {
	r := jsonReaders.Get().(*jsonReader)
	defer jsonReaders.Put(r)
	// The decoder reads a bytes.Buffer in place.
	r.buf = *bytes.NewBuffer(src)
	r.dec.Reset(&r.buf)
	v, err := r.value()
	if err == nil {
		if _, end := r.dec.ReadToken(); !errors.Is(end, io.EOF) {
			err = errTrailing
		}
	}
	r.buf = bytes.Buffer{}
	if err != nil {
		return nil, fmt.Errorf("%w: json: %w", serde.ErrMalformed, err)
	}
	return v, nil
}

func (r *jsonReader) value() (Value, error) {
	switch r.dec.PeekKind() {
	case '{':
		return r.object()
	case '[':
		return r.list()
	case '0':
		raw, err := r.dec.ReadValue()
		if err != nil {
			return nil, err
		}
		return parseNumber(raw)
	case '"':
		raw, err := r.dec.ReadValue()
		if err != nil {
			return nil, err
		}
		return r.unquote(raw)
	}
	tok, err := r.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case 't':
		return true, nil
	case 'f':
		return false, nil
	}
	return nil, nil
}

func (r *jsonReader) object() (Value, error) {
	if _, err := r.dec.ReadToken(); err != nil {
		return nil, err
	}
	fields := make([]Field, 0, 8)
	for r.dec.PeekKind() == '"' {
		raw, err := r.dec.ReadValue()
		if err != nil {
			return nil, err
		}
		name, err := r.name(raw)
		if err != nil {
			return nil, err
		}
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		fields = append(fields, Field{name, v})
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return nil, err
	}
	return &Object{fields}, nil
}

func (r *jsonReader) list() (Value, error) {
	if _, err := r.dec.ReadToken(); err != nil {
		return nil, err
	}
	list := []Value{}
	for {
		switch r.dec.PeekKind() {
		case ']', 0:
			_, err := r.dec.ReadToken()
			return list, err
		}
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
}

// name is a field's name; the same string for the same bytes.
func (r *jsonReader) name(raw []byte) (string, error) {
	if name, ok := r.names[string(raw)]; ok {
		return name, nil
	}
	name, err := r.unquote(raw)
	if err == nil && len(r.names) < maxNames {
		r.names[string(raw)] = name
	}
	return name, err
}

func (r *jsonReader) unquote(raw []byte) (string, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	text, err := jsontext.AppendUnquote(r.text[:0], raw)
	r.text = text[:0]
	return string(text), err
}

// parseNumber reads a number without making a string of most.
func parseNumber(raw []byte) (Value, error) {
	if i, ok := parseInt(raw); ok {
		return i, nil
	}
	return ParseNumber(string(raw))
}
