package flow_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
)

// order has a tag that renames, which the serde's own JSON knows.
type order struct {
	User   string `json:"user"`
	Amount int64  `json:"amount,omitempty"`
}

// pair is a serde of the program's own.
type pair struct{}

func (pair) Name() string { return "pair" }

func (pair) Append(dst []byte, v [2]int8) ([]byte, error) {
	return append(dst, byte(v[0]), byte(v[1])), nil
}

func (pair) Decode(src []byte) ([2]int8, error) { return [2]int8{int8(src[0]), int8(src[1])}, nil }

// textCase is a text, the bytes that it stands for, and the text that is read again; or an error.
type textCase struct {
	serde            serde.Serde[json.RawMessage]
	text, data, back string
	err              string
}

func TestTexts(t *testing.T) {
	for _, c := range []textCase{
		{flow.TextsOf(serde.String()), `"a"`, "a", `"a"`, ""},
		{flow.TextsOf(serde.String()), `7`, "", "", "7 is none of the serde string"},
		{flow.TextsOf(serde.String()), `"a" "b"`, "", "", "more behind"},
		{flow.TextsOf(serde.String()), ` null`, "", "", "it has no null"},
		{flow.TextsOf(serde.Int64()), `-1`, "\xff\xff\xff\xff\xff\xff\xff\xff", `-1`, ""},
		{flow.TextsOf(serde.Int64()), `9223372036854775807`, "\x7f\xff\xff\xff\xff\xff\xff\xff", `9223372036854775807`, ""},
		{flow.TextsOf(serde.Int64()), `1.5`, "", "", "1.5 is none of the serde int64"},
		{flow.TextsOf(serde.Bytes()), `"YQ=="`, "a", `"YQ=="`, ""},
		{flow.TextsOf(serde.JSON[order]()), ` { "amount": 3, "user": "x"} `, `{"user":"x","amount":3}`, `{"user":"x","amount":3}`, ""},
		{flow.TextsOf(serde.JSON[order]()), `{"user": 3}`, "", "", `{"user": 3} is none of the serde json`},
		{flow.TextsOf(serde.Serde[[2]int8](pair{})), `[1, -1]`, "\x01\xff", `[1,-1]`, ""},
	} {
		data, err := c.serde.Append(nil, json.RawMessage(c.text))
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s %s: error %v, want %s", c.serde.Name(), c.text, err, c.err)
			}
			continue
		case err != nil || string(data) != c.data:
			t.Errorf("%s %s: %q, %v; want %q", c.serde.Name(), c.text, data, err, c.data)
			continue
		}
		if back, err := c.serde.Decode(data); err != nil || string(back) != c.back {
			t.Errorf("%s %s: read as %s, %v; want %s", c.serde.Name(), c.text, back, err, c.back)
		}
	}
}
