package tables

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

func opt(s string) Opt[string] { return Opt[string]{Value: s, OK: true} }

var changes = Changes[string]{Of: serde.String()}

// The bytes are those of docs/format/grouped-tables.md, and of Kafka Streams.
func TestSerdeBytes(t *testing.T) {
	for _, c := range []struct {
		change operator.Change[string]
		want   string
	}{
		{operator.Change[string]{Old: opt("a")}, "6100"},
		{operator.Change[string]{New: opt("bc")}, "626301"},
		{operator.Change[string]{Old: opt("a"), New: opt("bc")}, "0462636102"},
		{operator.Change[string]{Old: opt(""), New: opt("")}, "0002"},
		{operator.Change[string]{New: opt("")}, "01"},
		{operator.Change[string]{Old: opt("y"), New: opt(strings.Repeat("x", 64))}, "8001" + strings.Repeat("78", 64) + "7902"},
	} {
		b, err := changes.Append([]byte("before"), c.change)
		if err != nil || string(b[:6]) != "before" || hex.EncodeToString(b[6:]) != c.want {
			t.Errorf("%v: %x, %v; want %s", c.change, b, err, c.want)
		}
		back, err := changes.Decode(b[6:])
		if err != nil || back != c.change {
			t.Errorf("%s: %v, %v; want %v", c.want, back, err, c.change)
		}
	}
	if _, err := changes.Append(nil, operator.Change[string]{}); err == nil {
		t.Error("a change without values has bytes")
	}
}

// What newer versions may write is read, and what nobody writes is malformed.
func TestSerdeDecode(t *testing.T) {
	for in, want := range map[string]operator.Change[string]{
		"610103":            {Old: opt("a")},
		"62630104":          {New: opt("bc")},
		"04626361" + "0105": {Old: opt("a"), New: opt("bc")},
	} {
		b, _ := hex.DecodeString(in)
		if c, err := changes.Decode(b); err != nil || c != want {
			t.Errorf("%s: %v, %v; want %v", in, c, err, want)
		}
	}
	for _, in := range []string{"", "06", "03", "02", "0302", "0461" + "02", "ffffffffffffffffffff" + "02"} {
		b, _ := hex.DecodeString(in)
		if c, err := changes.Decode(b); !errors.Is(err, serde.ErrMalformed) {
			t.Errorf("%q: %v, %v; want it malformed", in, c, err)
		}
	}
	rnd := seeds.Rand(t)
	for range 10_000 {
		b := make([]byte, rnd.IntN(12))
		for i := range b {
			b[i] = byte(rnd.IntN(256))
		}
		_, _ = changes.Decode(b) // does not panic
	}
}
