package config

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// Read returns the configuration of a command: its flags, then the environment, then the file if path is not empty, then the
// defaults. Only keys that the command has a flag for are looked at, so one file can serve all commands; a key in the file
// that no command has is an error.
func Read(flags *pflag.FlagSet, path string) (Config, error) {
	all := viper.New()
	if path != "" {
		if err := readFile(all, path); err != nil {
			return Config{}, err
		}
	}
	mine := viper.New()
	var used []Setting
	for _, s := range Settings() {
		flag := flags.Lookup(s.Key)
		if flag == nil {
			continue
		}
		used = append(used, s)
		if err := errors.Join(all.BindPFlag(s.Key, flag), all.BindEnv(s.Key, s.Env)); err != nil {
			return Config{}, err
		}
		mine.Set(s.Key, all.Get(s.Key))
	}
	c := Default()
	err := mine.Unmarshal(&c, viper.DecodeHook(mapstructure.ComposeDecodeHookFunc(
		mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(","), mapstructure.TextUnmarshallerHookFunc(),
	)))
	if err != nil {
		return Config{}, plain(err, used)
	}
	c.Brokers = strings.FieldsFunc(strings.Join(c.Brokers, ","), func(r rune) bool { return r == ',' || r == ' ' })
	var bad []string
	for _, s := range used {
		v := reflect.ValueOf(c).FieldByIndex(s.field)
		if s.OneOf != nil && !slices.Contains(s.OneOf, v.String()) {
			bad = append(bad, fmt.Sprintf("%s: %q is none of %s", s.Key, v.String(), strings.Join(s.OneOf, ", ")))
		}
		if v.CanInt() && v.Int() < s.Min {
			bad = append(bad, fmt.Sprintf("%s: %v is less than %d", s.Key, v.Interface(), s.Min))
		}
	}
	if len(bad) > 0 {
		return Config{}, errors.New(strings.Join(bad, "; "))
	}
	return c, nil
}

func readFile(v *viper.Viper, path string) error {
	v.SetConfigFile(path)
	if err := v.ReadInConfig(); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("configuration file %s does not exist", path)
		}
		return fmt.Errorf("configuration file %s: %w", path, err)
	}
	var unknown []string
	for _, key := range v.AllKeys() {
		if !slices.ContainsFunc(Settings(), func(s Setting) bool { return s.Key == key }) {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Errorf("configuration file %s: unknown key %s", path, strings.Join(unknown, ", "))
	}
	return nil
}

// plain names the key instead of quoting the decoder.
func plain(err error, used []Setting) error {
	var of *mapstructure.DecodeError
	if !errors.As(err, &of) {
		return fmt.Errorf("configuration: %w", err)
	}
	key := of.Name()
	if i := slices.IndexFunc(used, func(s Setting) bool { return strings.HasSuffix(key, s.Key) }); i >= 0 {
		key = used[i].Key
	}
	return fmt.Errorf("configuration: %s: %w", key, of.Unwrap())
}
