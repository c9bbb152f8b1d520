package value

import (
	"fmt"
	"unicode/utf8"
)

// The unit of texts is the character: a Unicode code point. A byte that belongs to none counts as
// one, and stays as it is.

// Text is the function string: texts as they are, all else as its JSON is written. Null has no
// text.
func Text(v Value) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case nil:
		return "", fmt.Errorf("null has no text%s", OfNull(nil))
	case []byte:
		if !utf8.Valid(v) {
			return "", fmt.Errorf("these bytes are no text: they are not UTF-8")
		}
		return string(v), nil
	}
	data, err := AppendJSON(nil, v)
	return string(data), err
}

// Name is the name of a field that a value stands for: keys of objects and groups.
func Name(v Value) (string, error) {
	switch v.(type) {
	case string, bool, int64, float64:
		return Text(v)
	}
	return "", fmt.Errorf("a field's name is a text, a number, true or false, not %s%s", Kind(v), OfNull(v))
}

// Len is the number of a text's characters, of a list's elements, of an object's fields, or of
// bytes.
func Len(v Value) (int, error) {
	switch v := v.(type) {
	case string:
		return utf8.RuneCountInString(v), nil
	case []Value:
		return len(v), nil
	case []byte:
		return len(v), nil
	case Fielder:
		return len(v.Fields()), nil
	}
	return 0, fmt.Errorf("len() takes a text, a list or an object, not %s%s", Kind(v), OfNull(v))
}

// At is the element or the field that is meant by v[key]. Numbers below 0 count from the end. Null
// has only null in it, and so does an object that has no such field; found is false for a place
// that is outside of a list.
func At(v, key Value) (elem Value, found bool, err error) {
	switch v := v.(type) {
	case nil:
		return nil, true, nil
	case Fielder:
		name, err := Name(key)
		if err != nil {
			return nil, false, err
		}
		elem, _ := v.Get(name)
		return elem, true, nil
	case []Value:
		i, ok, err := place(key, len(v))
		if !ok {
			return nil, false, err
		}
		return v[i], true, nil
	case string:
		return nil, false, fmt.Errorf("a text has no elements; text[i:i+1] is a character of it")
	}
	return nil, false, fmt.Errorf("%s has no elements and no fields", Kind(v))
}

// place is an index from 0; ok is false if it is outside.
func place(key Value, n int) (i int, ok bool, err error) {
	at, ok := key.(int64)
	if !ok {
		return 0, false, fmt.Errorf("a place in a list is a whole number, not %s%s", Kind(key), OfNull(key))
	}
	if at < 0 {
		at += int64(n)
	}
	if at < 0 || at >= int64(n) {
		return 0, false, nil
	}
	return int(at), true, nil
}

// Slice is v[from:to] of a list or a text. Numbers below 0 count from the end; what is outside is
// left out.
func Slice(v, from, to Value) (Value, error) {
	n, err := 0, error(nil)
	switch v := v.(type) {
	case []Value:
		n = len(v)
	case string:
		n = utf8.RuneCountInString(v)
	default:
		return nil, fmt.Errorf("a list or a text is needed for [from:to], not %s%s", Kind(v), OfNull(v))
	}
	i, j := 0, n
	if from != nil {
		if i, err = bound(from, n); err != nil {
			return nil, err
		}
	}
	if to != nil {
		if j, err = bound(to, n); err != nil {
			return nil, err
		}
	}
	i = min(i, j)
	if list, ok := v.([]Value); ok {
		return list[i:j:j], nil
	}
	return cut(v.(string), i, j), nil
}

func bound(v Value, n int) (int, error) {
	at, ok := v.(int64)
	if !ok {
		return 0, fmt.Errorf("a place in a list or a text is a whole number, not %s%s", Kind(v), OfNull(v))
	}
	if at < 0 {
		at = max(at, -int64(n)) + int64(n)
	}
	return int(min(at, int64(n))), nil
}

// cut is the characters from i to j.
func cut(s string, i, j int) string {
	from := bytesOf(s, i)
	return s[from : from+bytesOf(s[from:], j-i)]
}

// bytesOf is the length of the first n characters.
func bytesOf(s string, n int) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return at
}

// Characters is the place of a byte, in characters.
func Characters(s string, at int) int64 {
	if at < 0 {
		return -1
	}
	return int64(utf8.RuneCountInString(s[:at]))
}
