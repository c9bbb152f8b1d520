package functions

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

func texts() []Function {
	return []Function{
		one("len", func(v Value) (Value, error) {
			n, err := value.Len(v)
			return int64(n), err
		}),
		one("type", func(v Value) (Value, error) {
			switch kind := value.Kind(v); kind {
			case "null":
				return "nil", nil
			case "list":
				return "array", nil
			case "object":
				return "map", nil
			default:
				return kind, nil
			}
		}),
		one("string", func(v Value) (Value, error) { return boxed(value.Text(v)) }),
		{Name: "trim", Min: 1, Max: 2, Call: trim("trim", strings.Trim)},
		{Name: "trimPrefix", Min: 1, Max: 2, Call: trim("trimPrefix", strings.TrimPrefix)},
		{Name: "trimSuffix", Min: 1, Max: 2, Call: trim("trimSuffix", strings.TrimSuffix)},
		ofText("upper", func(s string) (Value, error) { return cased(s, strings.ToUpper) }),
		ofText("lower", func(s string) (Value, error) { return cased(s, strings.ToLower) }),
		{Name: "split", Min: 2, Max: 3, Call: split("split", strings.SplitN)},
		{Name: "splitAfter", Min: 2, Max: 3, Call: split("splitAfter", strings.SplitAfterN)},
		{Name: "replace", Min: 3, Max: 4, Call: replace},
		{Name: "repeat", Min: 2, Max: 2, Call: repeat},
		{Name: "join", Min: 1, Max: 2, Call: join},
		ofTexts("indexOf", func(s, t string) Value { return value.Characters(s, strings.Index(s, t)) }),
		ofTexts("lastIndexOf", func(s, t string) Value { return value.Characters(s, strings.LastIndex(s, t)) }),
		ofTexts("hasPrefix", func(s, t string) Value { return strings.HasPrefix(s, t) }),
		ofTexts("hasSuffix", func(s, t string) Value { return strings.HasSuffix(s, t) }),
		one("toJSON", func(v Value) (Value, error) {
			data, err := value.AppendJSON(nil, v)
			return string(data), err
		}),
		ofText("fromJSON", func(s string) (Value, error) { return value.ParseJSON([]byte(s)) }),
		one("toBase64", func(v Value) (Value, error) {
			if b, ok := v.([]byte); ok {
				return base64.StdEncoding.EncodeToString(b), nil
			}
			s, err := text("toBase64", v)
			return base64.StdEncoding.EncodeToString([]byte(s)), err
		}),
		ofText("fromBase64", func(s string) (Value, error) {
			b, err := base64.StdEncoding.DecodeString(s)
			if err != nil {
				return nil, fmt.Errorf("%q is not base64", s)
			}
			if !utf8.Valid(b) {
				return nil, errors.New("what the base64 holds is no text: it is not UTF-8")
			}
			return string(b), nil
		}),
	}
}

func boxed(s string, err error) (Value, error) { return s, err }

// cased refuses what changing letters would destroy.
func cased(s string, change func(string) string) (Value, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("%q is not UTF-8", s)
	}
	return change(s), nil
}

// trim removes white space, of trim, or one space, unless there is a second text.
func trim(name string, f func(s, t string) string) func(a, b, c, d Value) (Value, error) {
	return func(a, b, _, _ Value) (Value, error) {
		s, err := text(name, a)
		if err != nil {
			return nil, err
		}
		if b == Absent {
			if name == "trim" {
				return strings.TrimSpace(s), nil
			}
			return f(s, " "), nil
		}
		t, err := text(name, b)
		if err != nil {
			return nil, err
		}
		return f(s, t), nil
	}
}

// split cuts a text into at most so many parts; a negative number stands for all.
func split(name string, f func(s, sep string, n int) []string) func(a, b, c, d Value) (Value, error) {
	return func(a, b, c, _ Value) (Value, error) {
		s, err := text(name, a)
		if err != nil {
			return nil, err
		}
		sep, err := text(name, b)
		if err != nil {
			return nil, err
		}
		n := int64(-1)
		if c != Absent {
			if n, err = whole(name, c); err != nil {
				return nil, err
			}
		}
		if n < 0 && strings.Count(s, sep) >= MaxList {
			return nil, errList
		}
		parts := f(s, sep, int(max(-1, min(n, MaxList))))
		list := make([]Value, len(parts))
		for i, p := range parts {
			list[i] = p
		}
		return list, nil
	}
}

// replace replaces the first so many occurrences, or all.
func replace(a, b, c, d Value) (Value, error) {
	s, err := text("replace", a)
	if err != nil {
		return nil, err
	}
	before, err := text("replace", b)
	if err != nil {
		return nil, err
	}
	after, err := text("replace", c)
	if err != nil {
		return nil, err
	}
	found := strings.Count(s, before)
	if d != Absent {
		n, err := whole("replace", d)
		if err != nil {
			return nil, err
		}
		if n >= 0 {
			found = int(min(n, int64(found)))
		}
	}
	if more := len(after) - len(before); more > 0 && found > (MaxText-len(s))/more {
		return nil, errText
	}
	return strings.Replace(s, before, after, found), nil
}

func repeat(a, b, _, _ Value) (Value, error) {
	s, err := text("repeat", a)
	if err != nil {
		return nil, err
	}
	n, err := whole("repeat", b)
	switch {
	case err != nil:
		return nil, err
	case n < 0:
		return nil, fmt.Errorf("repeat needs a number from 0, not %d", n)
	case s == "":
		return "", nil
	case n > MaxText/int64(len(s)):
		return nil, errText
	}
	return strings.Repeat(s, int(n)), nil
}

func join(a, b, _, _ Value) (Value, error) {
	l, err := list("join", a)
	if err != nil {
		return nil, err
	}
	glue := ""
	if b != Absent {
		if glue, err = text("join", b); err != nil {
			return nil, err
		}
	}
	parts, size := make([]string, len(l)), 0
	for i, v := range l {
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("join needs a list of texts, not of %s; map(list, string(#)) makes them", value.Kind(v))
		}
		if size += len(s) + len(glue); size > MaxText+len(glue) {
			return nil, errText
		}
		parts[i] = s
	}
	return strings.Join(parts, glue), nil
}
