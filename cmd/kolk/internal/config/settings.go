package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// Setting is one key.
type Setting struct {
	Key     string // in a file; as a flag with -- before it
	Env     string
	Default string
	Usage   string
	OneOf   []string
	Min     int64 // of numbers and durations
	field   []int // index in Config
}

// Settings returns all keys in the order of the struct.
func Settings() []Setting {
	var all []Setting
	defaults := reflect.ValueOf(Default())
	for _, f := range reflect.VisibleFields(defaults.Type()) {
		if f.Anonymous {
			continue
		}
		s := Setting{Key: f.Tag.Get("mapstructure"), Usage: f.Tag.Get("usage"), field: f.Index}
		s.Env = "KOLK_" + strings.ToUpper(strings.ReplaceAll(s.Key, "-", "_"))
		if n, err := strconv.ParseInt(f.Tag.Get("min"), 10, 64); err == nil {
			s.Min = n
		}
		if of := f.Tag.Get("oneof"); of != "" {
			s.OneOf = strings.Split(of, ",")
		}
		switch v := defaults.FieldByIndex(f.Index).Interface().(type) {
		case []string:
			s.Default = strings.Join(v, ",")
		default:
			s.Default = fmt.Sprint(v)
		}
		all = append(all, s)
	}
	return all
}

// Register adds the flags of groups, which are structs of this package (Log{}, Runtime{}), to a command's.
func Register(flags *pflag.FlagSet, groups ...any) {
	defaults := Default()
	root := reflect.ValueOf(&defaults).Elem()
	for _, s := range Settings() {
		for _, g := range groups {
			if root.Type().Field(s.field[0]).Type != reflect.TypeOf(g) {
				continue
			}
			usage := s.Usage
			if s.OneOf != nil {
				usage += ": " + strings.Join(s.OneOf, ", ")
			}
			// The flags are read through viper: the variables behind them hold the defaults alone.
			switch p := root.FieldByIndex(s.field).Addr().Interface().(type) {
			case *string:
				flags.String(s.Key, *p, usage)
			case *bool:
				flags.Bool(s.Key, *p, usage)
			case *int:
				flags.Int(s.Key, *p, usage)
			case *time.Duration:
				flags.Duration(s.Key, *p, usage)
			case *[]string:
				flags.StringArray(s.Key, *p, usage) // a file name may have a comma
			case *Bytes:
				flags.Var(p, s.Key, usage)
			default:
				panic(fmt.Sprintf("config: no flag for %s of type %T", s.Key, p))
			}
		}
	}
}
