package script

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/text"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// record is a record of a script. nil is no key, or no value.
type record struct {
	key, value []byte
	timestamp  int64
	partition  int32 // -1: by key
	headers    []topology.Header
}

// parse reads a record of a topic. before is the time of the one before it.
func parse(line string, of flow.Texts, before int64) (record, error) {
	r := record{timestamp: before, partition: -1}
	seen := map[string]bool{}
	for rest := strings.TrimSpace(line); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		name, after, ok := strings.Cut(rest, "=")
		if !ok || strings.ContainsAny(name, " \t") {
			return r, fmt.Errorf("%q is no field of a record: write key=, value=, ts=, partition= or headers=", firstWord(rest))
		}
		if seen[name] {
			return r, fmt.Errorf("%s= is there twice", name)
		}
		seen[name] = true
		word, left, err := cut(after)
		if err != nil {
			return r, fmt.Errorf("%s=: %w", name, err)
		}
		rest = left
		switch name {
		case "key":
			r.key, err = encode(of.Key, word)
		case "value":
			r.value, err = encode(of.Value, word)
		case "ts":
			r.timestamp, err = text.ParseTime(word)
		case "partition":
			var n uint64
			n, err = strconv.ParseUint(word, 10, 31)
			r.partition = int32(n)
		case "headers":
			r.headers, err = headers(word)
		default:
			return r, fmt.Errorf("%s= is no field of a record: write key=, value=, ts=, partition= or headers=", name)
		}
		if err != nil {
			return r, fmt.Errorf("%s=: %w", name, err)
		}
	}
	return r, nil
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

// cut cuts a value off the beginning of a text: JSON if it begins like that, else a word.
func cut(s string) (word, rest string, err error) {
	if s != "" && strings.IndexByte(`{["`, s[0]) >= 0 {
		d := json.NewDecoder(strings.NewReader(s))
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return "", "", fmt.Errorf("this is no JSON: %w", err)
		}
		rest := s[d.InputOffset():]
		if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
			return "", "", fmt.Errorf("a blank is missing before %q", firstWord(rest))
		}
		return string(raw), rest, nil
	}
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i], s[i:], nil
	}
	return s, "", nil
}

// encode makes the bytes of a key or value. A word that is no JSON stands for itself; one that is a
// number or a flag, too, where the serde has texts.
func encode(s serde.Serde[json.RawMessage], word string) ([]byte, error) {
	quoted := json.RawMessage(text.Quote(word))
	if !json.Valid([]byte(word)) {
		return s.Append([]byte{}, quoted)
	}
	b, err := s.Append([]byte{}, json.RawMessage(word))
	if err != nil && word != "null" && strings.IndexByte(`{["`, word[0]) < 0 {
		if again, asText := s.Append([]byte{}, quoted); asText == nil {
			return again, nil
		}
	}
	return b, err
}

// headers reads an object of texts, whose names may come twice.
func headers(word string) (all []topology.Header, err error) {
	d := json.NewDecoder(strings.NewReader(word))
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') {
		return nil, errors.New(`headers are an object of texts, as {"name":"text"}`)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var v any
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		h := topology.Header{Key: fmt.Sprint(name)}
		switch v := v.(type) {
		case nil:
		case string:
			h.Value = []byte(v)
		default:
			var bytes struct {
				Base64 []byte `json:"base64"`
			}
			again, err := json.Marshal(v)
			if err == nil {
				err = json.Unmarshal(again, &bytes)
			}
			if err != nil || bytes.Base64 == nil {
				return nil, fmt.Errorf(`the header %q is neither a text, nor null, nor {"base64":"..."}`, h.Key)
			}
			h.Value = bytes.Base64
		}
		all = append(all, h)
	}
	return all, nil
}

var bareWord = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./:+-]*$`)

// word returns a JSON text as scripts have it: texts of letters and digits without quotes.
func word(raw json.RawMessage) string {
	var s string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil && bareWord.MatchString(s) && !json.Valid([]byte(s)) {
		return s
	}
	return string(raw)
}
