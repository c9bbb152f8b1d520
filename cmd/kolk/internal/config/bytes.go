package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is an amount of memory: "64MiB", "1GiB", or plain bytes.
type Bytes int64

var units = []struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}

// String writes the amount in the largest unit that divides it.
func (b Bytes) String() string {
	for _, u := range units {
		if b != 0 && int64(b)%u.size == 0 {
			return strconv.FormatInt(int64(b)/u.size, 10) + u.name
		}
	}
	return "0"
}

// Set reads an amount.
func (b *Bytes) Set(text string) error {
	for _, u := range units {
		digits, ok := strings.CutSuffix(strings.TrimSpace(text), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/u.size {
			break
		}
		*b = Bytes(n * u.size)
		return nil
	}
	return fmt.Errorf("%q is not an amount of memory such as 64MiB", text)
}

// Type is the name of the type in help texts.
func (b *Bytes) Type() string { return "bytes" }

// UnmarshalText reads an amount, for files and the environment.
func (b *Bytes) UnmarshalText(text []byte) error { return b.Set(string(text)) }
