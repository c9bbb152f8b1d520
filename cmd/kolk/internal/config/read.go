package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/kolkstream/kolk/processor"
)

// Error is one thing that is wrong with the configuration.
type Error struct {
	// Place is where it stands: file:line, the variable or the flag. It is empty for what was not
	// given.
	Place   string
	Key     string
	Message string
}

func (e *Error) Error() string {
	where := e.Place
	if e.Key != "" && where != "--"+e.Key {
		where = strings.TrimPrefix(where+": "+e.Key, ": ")
	}
	return where + ": " + e.Message
}

// value is a setting as it was given.
type value struct {
	place string
	form  form
	texts []string
}

// form says what a value is in a file.
type form int

const (
	isText form = 1 << iota
	isNumber
	isBool
	isList // of texts
	isNothing
	isOther
)

// names of forms, for people.
var names = map[form]string{isText: "a text", isNumber: "a number", isBool: "true or false", isList: "a list", isNothing: "nothing", isOther: "an object or a list of other than texts"}

// Register adds the flags of groups to a command's. What they are given is looked at in [Read],
// together with the rest.
func Register(flags *pflag.FlagSet, groups ...Group) {
	for _, s := range Settings() {
		if !slices.Contains(groups, s.group) {
			continue
		}
		usage := strings.ReplaceAll(s.Usage, "`", "")
		f := flags.VarPF(&given{def: s.Default, kind: s.Kind}, s.Key, "", usage)
		if s.forms&isBool != 0 {
			f.NoOptDefVal = "true"
		}
	}
}

// given is a flag that keeps what it is given.
type given struct {
	def, kind string
	texts     []string
}

func (g *given) Set(text string) error { g.texts = append(g.texts, text); return nil }
func (g *given) String() string        { return g.def }
func (g *given) Type() string          { return g.kind }

// Read returns the configuration of a command: its flags, then the environment, then the file if
// path is not empty, then the defaults. A setting that the command has no flag for may stand in the
// file, so one file can serve all commands. A flag that is given twice holds as it is given last,
// unless it is a list.
//
// It returns everything that is wrong, each an [*Error].
func Read(flags *pflag.FlagSet, path string) (Config, error) {
	v := viper.New() // knows which way in comes first
	settings := Settings()
	var wrong []error
	if path != "" {
		entries, err := readFile(path)
		if err != nil {
			return Config{}, err
		}
		file := map[string]any{}
		for _, e := range entries {
			if err := check(settings, e, file); err != nil {
				wrong = append(wrong, err)
				continue
			}
			file[e.key] = e.value
		}
		if err := v.MergeConfigMap(file); err != nil {
			return Config{}, err
		}
	}
	wrong = append(wrong, misspelt(settings, os.Environ())...)
	c := Default()
	c.places = map[string]string{}
	for _, s := range settings {
		flag := flags.Lookup(s.Key)
		if flag == nil {
			continue
		}
		g, ok := flag.Value.(*given)
		if !ok {
			continue // the command's own
		}
		if err := v.BindEnv(s.Key, s.Env); err != nil {
			return Config{}, err
		}
		if flag.Changed {
			v.Set(s.Key, value{place: "--" + s.Key, texts: g.texts})
		}
		var val value
		switch got := v.Get(s.Key).(type) {
		case value:
			val = got
		case string:
			val = value{place: s.Env, texts: []string{got}}
		default:
			continue
		}
		c.places[s.Key] = val.place
		if err := s.read(&c, val.texts); err != nil {
			wrong = append(wrong, &Error{val.place, s.Key, err.Error()})
		}
	}
	slices.SortStableFunc(wrong, func(a, b error) int { return strings.Compare(order(a), order(b)) })
	wrong = slices.CompactFunc(wrong, func(a, b error) bool { return a.Error() == b.Error() })
	return c, errors.Join(wrong...)
}

// order groups the mistakes: flags, the environment, the file, as it is read.
func order(err error) string {
	var e *Error
	switch errors.As(err, &e); {
	case strings.HasPrefix(e.Place, "--"):
		return "0"
	case strings.HasPrefix(e.Place, "KOLK_"):
		return "1"
	}
	return "2"
}

// check looks at one key of a file, also if the command does not use it.
func check(settings []Setting, e entry, before map[string]any) error {
	i := slices.IndexFunc(settings, func(s Setting) bool { return s.Key == e.key })
	if i < 0 {
		message := "unknown key " + e.key
		if near := nearest(e.key, settings, func(s Setting) string { return s.Key }); near != "" {
			message += "; do you mean " + near + "?"
		}
		return &Error{e.place, "", message}
	}
	s := settings[i]
	if first, ok := before[e.key]; ok {
		return &Error{e.place, s.Key, "it is given twice, first in " + first.(value).place}
	}
	allowed := s.forms
	if s.list {
		allowed |= isList
	}
	if e.form&allowed == 0 {
		hint := ""
		switch {
		case e.form == isNothing:
			hint = ": leave the key out for the default"
		case allowed&isText != 0 && e.form&(isNumber|isBool) != 0:
			hint = fmt.Sprintf(": write %q, in quotes", e.texts[0])
		}
		return &Error{e.place, s.Key, fmt.Sprintf("want %s, not %s%s", s.wanted(), names[e.form], hint)}
	}
	var scratch Config
	if err := s.read(&scratch, e.texts); err != nil {
		return &Error{e.place, s.Key, err.Error()}
	}
	return nil
}

func (s Setting) wanted() string {
	switch s.Kind {
	case "bool":
		return "true or false"
	case "bytes":
		return "an amount of memory"
	}
	return "a " + s.Kind
}

// misspelt finds variables that are nearly one of ours: nothing would read them. Others that begin
// with KOLK_ are not ours to judge; Kubernetes makes some for a service that is named kolk.
func misspelt(settings []Setting, environ []string) (wrong []error) {
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, "KOLK_") || slices.ContainsFunc(settings, func(s Setting) bool { return s.Env == name }) {
			continue
		}
		short := func(name string) string { return strings.TrimPrefix(name, "KOLK_") }
		if near := nearest(short(name), settings, func(s Setting) string { return short(s.Env) }); near != "" {
			wrong = append(wrong, &Error{name, "", "no setting has this name; do you mean KOLK_" + near + "?"})
		}
	}
	return wrong
}

// Explain gives what the processor says of its configuration the places and keys that the user
// knows.
func (c Config) Explain(err error) error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		var explained []error
		for _, one := range all.Unwrap() {
			explained = append(explained, c.Explain(one))
		}
		return errors.Join(explained...)
	}
	var of *processor.ConfigError
	if !errors.As(err, &of) {
		return err
	}
	e := Error{Key: of.Field, Message: of.Reason}
	for _, s := range Settings() {
		name := c.fieldOf(s)
		if name == "" {
			continue
		}
		if name == of.Field {
			e.Key, e.Place = s.Key, c.places[s.Key]
		}
		e.Message = regexp.MustCompile(`\b`+name+`\b`).ReplaceAllString(e.Message, s.Key)
	}
	return &e
}

// fieldOf returns the name of the processor's field that a setting sets.
func (c *Config) fieldOf(s Setting) string {
	v := reflect.ValueOf(&c.Processor).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() && v.Field(i).Addr().Interface() == s.field(c) {
			return v.Type().Field(i).Name
		}
	}
	return ""
}
