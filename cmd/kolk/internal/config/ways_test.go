package config_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/cmd/kolk/internal/config"
)

// what every kind of setting makes of texts. Bad ones have the part of the message that says why.
var texts = map[string]struct {
	good map[string]string // how it is written afterwards
	bad  map[string]string
}{
	"duration": {
		good: map[string]string{"3s": "3s", "1h30m": "1h30m", "90m": "1h30m", "1500ms": "1.5s", "1ms": "1ms", "0.5s": "500ms", "48h": "48h"},
		bad: map[string]string{"3000": "3000 has no unit: write 3000ms, 3000s, 3000m or 3000h", "0": "0 has no unit", "-5": "-5 has no unit", "0s": "0s is less than a millisecond", "3000ns": "is less than a millisecond",
			"-1ms": "is less than 0", "soon": "not a duration", "3 s": "not a duration", "1d": "not a duration", "3.5": "not a duration", "9999999h": "not a duration", "Never": "not a duration"},
	},
	"number": {
		good: map[string]string{"1": "1", "12": "12", "32767": "32767"},
		bad: map[string]string{"many": "not a whole number", "1.0": "not a whole number", "1e3": "not a whole number", "0x10": "not a whole number", "1_000": "not a whole number",
			"-7": "is less than", "70000": "is more than", "99999999999999999999": "out of range", " 1": "not a whole number"},
	},
	"bytes": {
		good: map[string]string{"67108864": "64MiB", "64MiB": "64MiB", "1GiB": "1GiB", "1024KiB": "1MiB", "100": "100B"},
		bad: map[string]string{"64MB": "not an amount", "64M": "not an amount", "1e9": "not an amount", "1.5GiB": "not an amount", "0": "cannot be 0", "-1": "is less than 0", "-1MiB": "is less than 0",
			"9999999999GiB": "out of range", "much": "not an amount"},
	},
	"bool": {
		good: map[string]string{"true": "true", "false": "false"},
		bad:  map[string]string{"yes": "neither true nor false", "1": "", "on": "neither true nor false", "TRUE!": "neither true nor false"},
	},
}

// outcome is what a way into a setting makes of a value: how it is written afterwards, or what is
// wrong with it, without the place.
func outcome(s config.Setting, c config.Config, err error) string {
	if err != nil {
		_, message, _ := strings.Cut(err.Error(), s.Key+": ")
		return "refused: " + message
	}
	return "as " + s.Value(c)
}

// TestEveryWayIntoEverySetting: whether by flag, variable or in a file of any format, a text is the
// same to every setting: the same value, or the same refusal.
func TestEveryWayIntoEverySetting(t *testing.T) {
	for _, s := range config.Settings() {
		kind := s.Kind
		cases := texts[kind]
		choices := strings.Split(s.Usage[strings.LastIndex(s.Usage, "(")+1:], "`")
		switch {
		case kind == "text" && strings.HasSuffix(s.Usage, "`)"): // a choice
			cases.good, cases.bad = map[string]string{}, map[string]string{"explode": "is none of", "": "is none of"}
			for i := 1; i < len(choices); i += 2 {
				cases.good[choices[i]] = choices[i]
			}
		case kind == "text":
			cases.good = map[string]string{"abc": "abc", "a b": "a b", "5": "5", "true": "true"}
		case s.Key == "data":
			cases.good = map[string]string{"t=a.csv": "t=a.csv", "t=a,b.csv,u=c": "t=a,b.csv,u=c"}
			cases.bad = map[string]string{"a.csv": "want TOPIC=FILE", "=a": "want TOPIC=FILE", "t=": "want TOPIC=FILE", "t=a,u=": "want TOPIC=FILE"}
		case kind == "list":
			cases.good = map[string]string{"a:1": "a:1", "a:1,b:2": "a:1,b:2", "a:1, b:2,": "a:1,b:2"}
		}
		if len(cases.good) == 0 {
			t.Fatalf("%s: no values for kind %q", s.Key, kind)
		}
		never := strings.Contains(s.Usage, "or `never`")
		for _, text := range append(keys(cases.good), append(keys(cases.bad), "never")...) {
			want, good := cases.good[text]
			reason := cases.bad[text]
			switch {
			case text == "never" && never:
				want, good = "never", true
			case text == "never" && kind == "duration":
				reason = "not a duration"
			case text == "never" && (s.Key == "brokers" || kind == "text" && len(choices) == 1):
				want, good = "never", true
			}
			for how, got := range ways(t, s, text) {
				switch {
				case good && got != "as "+want:
					t.Errorf("%s %q by %s: %s, want %s", s.Key, text, how, got, want)
				case !good && (!strings.HasPrefix(got, "refused: ") || !strings.Contains(got, reason)):
					t.Errorf("%s %q by %s: %s, want a refusal with %q", s.Key, text, how, got, reason)
				}
			}
		}
	}
}

// TestOtherFormsInFiles: numbers, booleans, lists, objects and nothing, in each format, are taken
// where they can be meant.
func TestOtherFormsInFiles(t *testing.T) {
	for _, s := range config.Settings() {
		kind := s.Kind
		for form, want := range map[string]string{
			"3000":      map[string]string{"duration": "3000 has no unit", "number": "as 3000", "bytes": "as 3000B", "bool": "want true or false", "text": `write "3000", in quotes`, "list": "want a list, not a number"}[kind],
			"3.5":       map[string]string{"duration": "not a duration", "number": "not a whole number", "bytes": "not an amount", "bool": "want true", "text": `write "3.5", in quotes`, "list": "want a list"}[kind],
			"true":      map[string]string{"duration": "want a duration, not true or false", "number": "want a number", "bytes": "want an amount", "bool": "as true", "text": `write "true", in quotes`, "list": "want a list"}[kind],
			`["t=a"]`:   map[string]string{"duration": "want a duration, not a list", "number": "want a number, not a list", "bytes": "not a list", "bool": "not a list", "text": "want a text, not a list", "list": "as t=a"}[kind],
			`[1]`:       "not an object or a list of other than texts",
			`{"a": 1}`:  "not an object",
			`{ a = 1 }`: "not an object",
			"null":      "not nothing: leave the key out",
		} {
			for _, format := range []string{"yaml", "json", "toml"} {
				if strings.Contains(form, "=") == (format != "toml") && strings.HasPrefix(form, "{") || form == "null" && format == "toml" {
					continue
				}
				c, err := loadFile(t, "kolk."+format, line(format, s.Key, form))
				if got := outcome(s, c, err); !strings.Contains(got, want) {
					t.Errorf("%s %s in %s: %s, want %s", s.Key, form, format, got, want)
				}
			}
		}
	}
}

func line(format, key, value string) string {
	return map[string]string{"yaml": key + ": " + value, "json": fmt.Sprintf("{%q: %s}", key, value), "toml": key + " = " + value}[format]
}

func keys(m map[string]string) (all []string) {
	for k := range m {
		all = append(all, k)
	}
	return all
}

// ways gives a text to a setting in every way.
func ways(t *testing.T, s config.Setting, text string) map[string]string {
	t.Helper()
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, format := range []string{"yaml", "json", "toml"} {
		c, err := loadFile(t, "kolk."+format, line(format, s.Key, string(quoted)))
		all[format] = outcome(s, c, err)
	}
	c, err := load(t, "", "--"+s.Key+"="+text)
	all["flag"] = outcome(s, c, err)
	if text != "" { // an empty variable is none
		t.Run("", func(t *testing.T) {
			t.Setenv(s.Env, text)
			c, err := load(t, "")
			all["environment"] = outcome(s, c, err)
		})
	}
	return all
}
