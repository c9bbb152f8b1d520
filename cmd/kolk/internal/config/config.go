// Package config is the configuration of the command line: one table of settings ([Settings]), from
// which come the flags, the variables KOLK_..., the keys of a file and the table in
// docs/COMMAND-LINE.md. A setting is read and checked in one place, whichever way it came in.
package config

import (
	"log/slog"

	"github.com/kolkstream/kolk/processor"
)

// Config is everything that can be configured.
type Config struct {
	Log
	Load
	Dev
	// Processor is what the processor is told. Its zero values mean its defaults.
	Processor processor.Config

	places map[string]string // of the settings that were given, by key
}

// Log is how a command reports what it does, on standard error.
type Log struct {
	Level  slog.Level
	Format string // text, json
}

// Load is what to load into topics.
type Load struct {
	Data       []string // TOPIC=FILE
	Partitions int
}

// Dev is what `kolk dev` adds.
type Dev struct {
	DataDir string
	Fresh   bool
	Port    int
	Output  string // auto, table, json, none
}

// Given reports whether a setting was given, in whichever way, and is not there by default.
func (c Config) Given(key string) bool { return c.places[key] != "" }

// Group is the settings of one purpose. A command takes the groups that it needs.
type Group int

const (
	// Logging is how a command reports what it does.
	Logging Group = iota
	// Cluster is where the brokers are, and what to ask of them.
	Cluster
	// Running is how a topology is run.
	Running
	// Loading is what to load into topics.
	Loading
	// Developing is what `kolk dev` adds.
	Developing
)

// Default returns the configuration that holds where nothing is given. What the processor is told
// stays as it is not given: defaults are the processor's, some of them made from other settings. A
// test holds the table to them.
func Default() Config {
	var c Config
	for _, s := range Settings() {
		if c.fieldOf(s) == "" {
			s.reset(&c)
		}
	}
	return c
}
