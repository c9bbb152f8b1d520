package value

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Whole returns the int64 that f is, or f.
func Whole(f float64) Value {
	// 1<<63 itself does not fit; -1<<63 does.
	if f == math.Trunc(f) && f >= -(1<<63) && f < 1<<63 {
		return int64(f)
	}
	return f
}

// Float returns the value of a float64. Infinities and what is no number are errors.
func Float(f float64) (Value, error) {
	if math.IsInf(f, 0) {
		return nil, errTooLarge
	}
	if math.IsNaN(f) {
		return nil, errors.New("the result is no number (NaN)")
	}
	return Whole(f), nil
}

// Number reports whether v is a number.
func Number(v Value) bool {
	switch v.(type) {
	case int64, float64:
		return true
	}
	return false
}

// OfNull is the way out for messages about operands of which one is null.
func OfNull(values ...Value) string {
	for _, v := range values {
		if v == nil {
			return "; what is missing is null, and ?? gives it a value: (a ?? 0) > b"
		}
	}
	return ""
}

// ToFloat returns the float64 that is nearest to a number, and 0 for other values.
func ToFloat(v Value) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

// ExactFloat returns the float64 that is a number; ok is false for other values, and for a whole
// number that none is.
func ExactFloat(v Value) (f float64, ok bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), exactFloat(v)
	case float64:
		return v, true
	}
	return 0, false
}

func exactFloat(i int64) bool {
	f := float64(i)
	return f < 1<<63 && int64(f) == i
}

// Rounded is what round ([math.Floor], for one) makes of a number. Whole numbers stay as they are.
func Rounded(v Value, round func(float64) float64) (Value, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case float64:
		return Float(round(v))
	}
	return nil, fmt.Errorf("a number is needed, not %s%s", Kind(v), OfNull(v))
}

// ToInt is the function int: numbers lose what is behind the point, texts are read in decimal. What
// does not fit is an error.
func ToInt(v Value) (Value, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case float64:
		if i, ok := Whole(math.Trunc(v)).(int64); ok {
			return i, nil
		}
		return nil, fmt.Errorf("%s does not fit into a whole number of 64 bits", text(v))
	case string:
		i, err := strconv.ParseInt(v, 10, 64)
		if errors.Is(err, strconv.ErrRange) {
			return nil, fmt.Errorf("%q does not fit into a whole number of 64 bits", v)
		} else if err != nil {
			return nil, fmt.Errorf("%q is no whole number", v)
		}
		return i, nil
	}
	return nil, fmt.Errorf("int() takes a number or a text, not %s%s", Kind(v), OfNull(v))
}

// ToNumber is the function float: of a text, the number as JSON's are read, with or without a sign,
// digits before the point and behind it.
func ToNumber(v Value) (Value, error) {
	switch v := v.(type) {
	case int64, float64:
		return v, nil
	case string:
		if v == "" || strings.Trim(v, "0123456789+-.eE") != "" {
			return nil, fmt.Errorf("%q is no number", v)
		}
		return ParseNumber(v)
	}
	return nil, fmt.Errorf("float() takes a number or a text, not %s%s", Kind(v), OfNull(v))
}

// ParseNumber reads a number as JSON writes it: whole if it is and fits, otherwise the nearest
// floating-point number.
func ParseNumber(s string) (Value, error) {
	if i, ok := parseInt(s); ok {
		return i, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if errors.Is(err, strconv.ErrRange) {
		return nil, fmt.Errorf("number %s: %w", s, strconv.ErrRange)
	} else if err != nil {
		return nil, fmt.Errorf("%q is no number", s)
	}
	if f >= 1<<53 || f <= -(1<<53) {
		if i, ok := decimal(s); ok {
			return i, nil // where the nearest float may be another number: 9007199254740993.0
		}
	}
	return Whole(f), nil
}

// decimal is the whole number that a decimal with a point or an exponent stands for.
func decimal(s string) (i int64, ok bool) {
	mantissa, exponent := s, 0
	if e := strings.IndexAny(s, "eE"); e >= 0 {
		var err error
		if exponent, err = strconv.Atoi(s[e+1:]); err != nil || max(exponent, -exponent) > 1<<40 {
			return 0, false
		}
		mantissa = s[:e]
	}
	sign := ""
	if mantissa != "" && (mantissa[0] == '-' || mantissa[0] == '+') {
		sign, mantissa = mantissa[:1], mantissa[1:]
	}
	before, behind, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimRight(before+behind, "0")
	point := len(before) + exponent
	leading := len(digits) - len(strings.TrimLeft(digits, "0"))
	digits, point = digits[leading:], point-leading
	if len(digits) > point || point > 19 {
		return 0, false
	}
	i, err := strconv.ParseInt(sign+digits+strings.Repeat("0", point-len(digits)), 10, 64)
	return i, err == nil
}

// parseInt reads up to 18 digits, which cannot overflow. Longer ones are left to strconv.
func parseInt[T string | []byte](s T) (int64, bool) {
	digits := s
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 {
		return 0, false
	}
	if len(digits) > 18 {
		i, err := strconv.ParseInt(string(s), 10, 64)
		return i, err == nil
	}
	var n int64
	for i := range len(digits) {
		c := digits[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if s[0] == '-' {
		n = -n
	}
	return n, true
}

// text is a number for messages.
func text(v Value) string {
	s, _ := AppendJSON(nil, v)
	return string(s)
}
