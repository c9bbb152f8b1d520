package kafkastreams

import (
	"slices"
	"strconv"
	"strings"
)

// The functions of the cases, by name. nil is null.

type text = *string

func some(s string) text { return &s }

// str is the value as text: null is "null".
func str(s text) string {
	if s == nil {
		return "null"
	}
	return *s
}

// number is the value of a decimal number of at most 18 digits.
func number(s text) (n int64, ok bool) {
	if s == nil {
		return 0, false
	}
	digits := strings.TrimPrefix(*s, "-")
	if len(digits) < 1 || len(digits) > 18 || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(*s, 10, 64)
	return n, err == nil
}

// num is number, 0 if it is none.
func num(s text) int64 {
	n, _ := number(s)
	return n
}

func decimal(n int64) text { return some(strconv.FormatInt(n, 10)) }

// empty says that there is no aggregate.
func empty(s text) bool { return s == nil || *s == "" }

func cut(name string) (fn, arg string) {
	fn, arg, _ = strings.Cut(name, ":")
	return fn, arg
}

func field(s text, arg string) text {
	index, sep := cut(arg)
	i, err := strconv.Atoi(index)
	if err != nil || s == nil {
		return nil
	}
	if parts := strings.Split(*s, sep); i < len(parts) {
		return &parts[i]
	}
	return nil
}

func firstChar(s text) text {
	if empty(s) {
		return nil
	}
	for _, c := range *s {
		return some(string(c))
	}
	return nil
}

// function computes a key or a value.
func function(name string, k, v text) text {
	fn, arg := cut(name)
	if rest, ok := strings.CutPrefix(fn, "key"); ok && rest != "" {
		k, v = v, k
		fn = strings.ToLower(rest[:1]) + rest[1:]
	}
	switch fn {
	case "value":
		return v
	case "key":
		return k
	case "const":
		return some(arg)
	case "kv":
		return some(str(k) + "=" + str(v))
	case "coalesce":
		if v == nil {
			return some(arg)
		}
		return v
	}
	if v == nil {
		return nil
	}
	switch fn {
	case "upper":
		return some(strings.Map(func(c rune) rune {
			if 'a' <= c && c <= 'z' {
				return c - 'a' + 'A'
			}
			return c
		}, *v))
	case "prefix":
		return some(arg + *v)
	case "suffix":
		return some(*v + arg)
	case "field":
		return field(v, arg)
	case "firstChar":
		return firstChar(v)
	case "nullIf":
		if *v == arg {
			return nil
		}
		return v
	case "length":
		return decimal(int64(len(*v)))
	case "add":
		return decimal(num(v) + num(&arg))
	case "mod":
		n := num(&arg)
		return decimal((num(v)%n + n) % n)
	case "null":
		return nil
	}
	panic("function " + name)
}

func predicate(name string, k, v text) bool {
	fn, arg := cut(name)
	n, isNumber := number(v)
	switch fn {
	case "true":
		return true
	case "false":
		return false
	case "contains":
		return v != nil && strings.Contains(*v, arg)
	case "eq":
		return v != nil && *v == arg
	case "keyEq":
		return k != nil && *k == arg
	case "keyIn":
		return k != nil && strings.Contains(","+arg+",", ","+*k+",")
	case "isNull":
		return v == nil
	case "nonNull":
		return v != nil
	case "keyNonNull":
		return k != nil
	case "gt":
		return isNumber && n > num(&arg)
	case "even":
		return isNumber && n%2 == 0
	}
	panic("predicate " + name)
}

func flatValues(name string, k, v text) []text {
	fn, arg := cut(name)
	var all []text
	switch fn {
	case "split", "splitNonEmpty":
		if v == nil {
			return nil
		}
		for _, part := range strings.Split(*v, arg) {
			if part != "" || fn == "split" {
				all = append(all, some(part))
			}
		}
	case "repeat":
		for range num(&arg) {
			all = append(all, v)
		}
	case "keyAndValue":
		return []text{k, v}
	case "none":
	default:
		panic("flat values " + name)
	}
	return all
}

func flatRecords(name string, k, v text) [][2]text {
	fn, arg := cut(name)
	var all [][2]text
	switch fn {
	case "splitKeyed", "pairs":
		if v == nil {
			return nil
		}
		for _, part := range strings.Split(*v, arg) {
			key, value, ok := strings.Cut(part, "=")
			switch {
			case fn == "splitKeyed":
				all = append(all, [2]text{some(part), v})
			case ok:
				all = append(all, [2]text{some(key), some(value)})
			default:
				all = append(all, [2]text{some(part), nil})
			}
		}
	case "selfAndSwap":
		return [][2]text{{k, v}, {v, k}}
	case "none":
	default:
		panic("flat records " + name)
	}
	return all
}

func join(name string, k, l, r text) text {
	both := some(str(l) + "|" + str(r))
	switch name {
	case "concat":
		return both
	case "withKey":
		return some(str(k) + ":" + *both)
	case "left":
		return l
	case "right":
		return r
	case "sum":
		return decimal(num(l) + num(r))
	case "nullIfRightNull":
		if r == nil {
			return nil
		}
		return both
	case "nullIfEqual":
		if str(l) == str(r) {
			return nil
		}
		return both
	}
	panic("joiner " + name)
}

func aggregate(name string, k, v, a text) text {
	fn, arg := cut(name)
	concat := func() text {
		if empty(a) {
			return some(str(v))
		}
		return some(*a + "," + str(v))
	}
	switch fn {
	case "concat":
		return concat()
	case "nullWhen":
		if v != nil && *v == arg {
			return nil
		}
		return concat()
	case "sum":
		return decimal(num(a) + num(v))
	case "diff":
		return decimal(num(a) - num(v))
	case "count":
		return decimal(num(a) + 1)
	case "uncount":
		return decimal(num(a) - 1)
	case "min", "max":
		switch n, m := num(a), num(v); {
		case empty(a):
			return decimal(m)
		case fn == "min":
			return decimal(min(n, m))
		default:
			return decimal(max(n, m))
		}
	case "diffNullIfZero":
		if n := num(a) - num(v); n != 0 {
			return decimal(n)
		}
		return nil
	case "last":
		return v
	case "first":
		if empty(a) {
			return v
		}
		return a
	case "trace":
		return some(str(a) + "+" + str(v))
	case "untrace":
		return some(str(a) + "-" + str(v))
	case "remove":
		if a == nil {
			return nil
		}
		parts := strings.Split(*a, ",")
		if i := slices.Index(parts, str(v)); i >= 0 {
			parts = slices.Delete(parts, i, i+1)
		}
		return some(strings.Join(parts, ","))
	case "withKey":
		return some(str(a) + "(" + str(k) + ":" + str(v) + ")")
	}
	panic("aggregator " + name)
}

func reduce(name string, a, b text) text {
	fn, arg := cut(name)
	switch fn {
	case "concat":
		return some(str(a) + "," + str(b))
	case "sum":
		return decimal(num(a) + num(b))
	case "diff":
		return decimal(num(a) - num(b))
	case "min":
		return decimal(min(num(a), num(b)))
	case "max":
		return decimal(max(num(a), num(b)))
	case "first":
		return a
	case "last":
		return b
	case "trace":
		return some(str(a) + "+" + str(b))
	case "untrace":
		return some(str(a) + "-" + str(b))
	case "nullWhen":
		if b != nil && *b == arg {
			return nil
		}
		return some(str(a) + "," + str(b))
	}
	panic("reducer " + name)
}
