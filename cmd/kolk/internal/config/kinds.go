package config

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kolkstream/kolk/processor"
)

// kind is how the values of a setting are written. Flags, variables and files all give texts; what
// else a file may write for it is in forms.
type kind[T any] struct {
	name  string
	among string // what may be written, for people
	forms form
	list  bool
	read  func(texts []string) (T, error)
	write func(T) string
}

// scalar is a kind whose values are one text.
func scalar[T any](name string, forms form, read func(string) (T, error), write func(T) string) kind[T] {
	return kind[T]{name: name, forms: forms | isText, write: write, read: func(texts []string) (T, error) { return read(texts[len(texts)-1]) }}
}

var text = scalar("text", 0, func(s string) (string, error) { return s, nil }, func(s string) string { return s })

var boolean = scalar("bool", isBool, func(s string) (bool, error) {
	if s == "true" || s == "false" {
		return s == "true", nil
	}
	return false, fmt.Errorf("%q is neither true nor false", s)
}, strconv.FormatBool)

// number is a whole number from least to most.
func number(least, most int64) kind[int] {
	return scalar("number", isNumber, func(s string) (int, error) {
		n, err := strconv.ParseInt(s, 10, 64)
		switch {
		case errors.Is(err, strconv.ErrRange):
			return 0, fmt.Errorf("%s is out of range", s)
		case err != nil:
			return 0, fmt.Errorf("%q is not a whole number", s)
		case n < least:
			return 0, fmt.Errorf("%d is less than %d", n, least)
		case n > most:
			return 0, fmt.Errorf("%d is more than %d", n, most)
		}
		return int(n), nil
	}, strconv.Itoa)
}

// except refuses one of the numbers that a kind allows.
func except(k kind[int], value int, why string) kind[int] {
	read := k.read
	k.read = func(texts []string) (int, error) {
		v, err := read(texts)
		if err == nil && v == value {
			err = fmt.Errorf("cannot be %d: %s", value, why)
		}
		return v, err
	}
	return k
}

// never is how the command line writes processor.Never.
const never = "never"

var onlyDigits = regexp.MustCompile(`^[+-]?\d+$`)

// duration is at least a millisecond: what is shorter would be none to the brokers and to the
// tasks, which count milliseconds.
var duration = scalar("duration", isNumber, func(s string) (time.Duration, error) {
	if onlyDigits.MatchString(s) {
		return 0, fmt.Errorf("%s has no unit: write %[1]sms, %[1]ss, %[1]sm or %[1]sh", s)
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a duration such as 100ms, 10s, 5m or 1h30m", s)
	case d < 0:
		return 0, fmt.Errorf("%s is less than 0", s)
	case d < time.Millisecond:
		return 0, fmt.Errorf("%s is less than a millisecond", s)
	}
	return d, nil
}, func(d time.Duration) string {
	if d == 0 {
		return "" // not given
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
})

// orNever also reads never, which is processor.Never.
func orNever(k kind[time.Duration]) kind[time.Duration] {
	read, write := k.read, k.write
	k.among = "or `" + never + "`"
	k.read = func(texts []string) (time.Duration, error) {
		if texts[len(texts)-1] == never {
			return processor.Never, nil
		}
		v, err := read(texts)
		if err != nil {
			err = fmt.Errorf("%w; or never", err)
		}
		return v, err
	}
	k.write = func(v time.Duration) string {
		if v == processor.Never {
			return never
		}
		return write(v)
	}
	return k
}

// units of memory; the largest that divides an amount is the one that it is written in.
//
// They are read and written by hand because both have to be exact: go-humanize rounds what it
// writes, and takes fractions and powers of ten.
var units = []struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}

// amount is an amount of memory: "64MiB", "1GiB", or plain bytes.
var amount = scalar("bytes", isNumber, func(s string) (int64, error) {
	for _, u := range units {
		digits, ok := strings.CutSuffix(strings.TrimSpace(s), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		switch {
		case errors.Is(err, strconv.ErrRange) || err == nil && n > math.MaxInt64/u.size:
			return 0, fmt.Errorf("%s is out of range", s)
		case err != nil:
			return 0, fmt.Errorf("%q is not an amount of memory: write KiB, MiB or GiB after a whole number, as in 64MiB; without a unit it is bytes", s)
		case n < 0:
			return 0, fmt.Errorf("%s is less than 0", s)
		case n == 0:
			return 0, errors.New("cannot be 0")
		}
		return n * u.size, nil
	}
	panic("config: the last unit fits every text")
}, func(n int64) string {
	for _, u := range units {
		if n != 0 && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return "0"
})

// named is a value that has a name.
type named[T any] struct {
	name  string
	value T
}

func is[T any](name string, value T) named[T] { return named[T]{name, value} }

// choice is one of some values, by name.
func choice[T comparable](of ...named[T]) kind[T] {
	var names []string
	for _, n := range of {
		names = append(names, n.name)
	}
	k := scalar("text", 0, func(s string) (T, error) {
		for _, n := range of {
			if n.name == s {
				return n.value, nil
			}
		}
		var zero T
		return zero, fmt.Errorf("%q is none of %s", s, strings.Join(names, ", "))
	}, func(v T) string {
		for _, n := range of {
			if n.value == v {
				return n.name
			}
		}
		return fmt.Sprint(v)
	})
	k.among = "`" + strings.Join(names, "`, `") + "`"
	return k
}

// word is one of some texts.
func word(of ...string) kind[string] {
	var all []named[string]
	for _, s := range of {
		all = append(all, is(s, s))
	}
	return choice(all...)
}

// list is texts, each of which is divided into elements.
func list(divide func(string) ([]string, error)) kind[[]string] {
	return kind[[]string]{
		name: "list", forms: isText, list: true,
		read: func(texts []string) (all []string, err error) {
			for _, t := range texts {
				elements, err := divide(t)
				if err != nil {
					return nil, err
				}
				all = append(all, elements...)
			}
			return all, nil
		},
		write: func(all []string) string { return strings.Join(all, ",") },
	}
}

// commas divides a text at commas and blanks.
func commas(s string) ([]string, error) {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }), nil
}

var another = regexp.MustCompile(`,\s*[A-Za-z0-9._-]+=`)

// pairs divides a text at the commas before NAME=: others are part of a file's name.
func pairs(s string) (all []string, err error) {
	for {
		at := another.FindStringIndex(s)
		one := s
		if at != nil {
			one = s[:at[0]]
		}
		if name, value, ok := strings.Cut(one, "="); !ok || name == "" || value == "" {
			return nil, fmt.Errorf("%q: want TOPIC=FILE", one)
		}
		all = append(all, one)
		if at == nil {
			return all, nil
		}
		s = strings.TrimLeft(s[at[0]+1:], " \t")
	}
}
