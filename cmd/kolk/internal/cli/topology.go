package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/kolkstream/kolk/cmd/kolk/internal/load"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

// readTopology reads a topology file; functions are names of Go functions that it may use, if it is
// only checked. Its mistakes are one line each: file:line:column: message.
func readTopology(path string, functions ...string) (*topoyaml.File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("topology file %s does not exist", path)
		}
		return nil, usage(err)
	}
	file, err := topoyaml.Load(path, data, topoyaml.Options{Lookup: os.LookupEnv, Functions: functions})
	if err != nil {
		return nil, &exitError{exitTopology, inFile(path, err)}
	}
	return file, nil
}

// inFile gives mistakes the path as the user wrote it.
func inFile(path string, err error) error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		var named []error
		for _, one := range all.Unwrap() {
			named = append(named, inFile(path, one))
		}
		return errors.Join(named...)
	}
	if mistake, ok := errors.AsType[*topoyaml.Error](err); ok {
		named := *mistake
		named.File = path
		return &named
	}
	return err
}

// inputs are the files of --data, with how their rows become messages.
func inputs(specs []string, file *topoyaml.File) ([]load.Input, error) {
	var all []load.Input
	for _, spec := range specs {
		topic, path, _ := strings.Cut(spec, "=")
		source := sourceOf(file, topic)
		if source == nil {
			return nil, usage(fmt.Errorf("--data %s: %s is no input of the topology; its inputs are %s", spec, topic, strings.Join(sources(file), ", ")))
		}
		f, err := load.Open(path)
		if err != nil {
			return nil, usage(fmt.Errorf("--data %s: %w", spec, err))
		}
		names := header(f)
		if missing, none := source.MissingColumns(names); names != nil && none {
			return nil, usage(fmt.Errorf("--data %s: the first line of %s names the columns %q, and the schema of %s none of them; it has %q. (Columns are separated by commas.)",
				spec, path, names, source.Name(), missing))
		}
		all = append(all, load.Input{Topic: topic, File: f, Message: message(source)})
	}
	return all, nil
}

// header returns the names of the columns of a CSV file with rows, nil of any other. What is wrong
// with the file its load reports.
func header(f *load.File) []string {
	for row := range f.Rows() {
		return slices.Clone(row.Names)
	}
	return nil
}

// remarks say what is not wrong with a file for a source, but often not meant.
func remarks(s *topoyaml.Source, f *load.File) []string {
	var list []string
	if names := header(f); names != nil {
		if missing, _ := s.MissingColumns(names); len(missing) > 0 {
			list = append(list, fmt.Sprintf("%s has no columns %q, which the schema names: they are null", f.Path(), missing))
		}
	}
	if s.Kind() == topoyaml.TableSource && !s.HasTime() {
		list = append(list, "its rows are of now, for the source has no time: joins do not find them for older records; time: 0 makes them older than all")
	}
	return list
}

func sourceOf(file *topoyaml.File, topic string) *topoyaml.Source {
	for _, s := range file.Sources() {
		if s.Reads(topic) {
			return s
		}
	}
	return nil
}

// message makes messages of rows as a source of the file says.
func message(s *topoyaml.Source) load.Message {
	return func(row load.Row) (key, value []byte, at time.Time, err error) {
		var v topoyaml.Value
		if row.Names != nil {
			v, err = s.CSVRow(row.Names, row.Cells)
		} else {
			v, err = s.JSONRow(row.JSON)
		}
		if err != nil {
			return nil, nil, time.Time{}, err
		}
		key, value, ms, err := s.Message(v)
		if err == nil && ms != topoyaml.NoTimestamp {
			at = time.UnixMilli(ms).UTC()
		}
		return key, value, at, err
	}
}

// sources are the topics that the topology reads, sinks those that it writes, each once.
func sources(file *topoyaml.File) []string {
	var topics []string
	for _, s := range file.Sources() {
		topics = append(topics, s.Topics()...)
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

func sinks(file *topoyaml.File) []string {
	var topics []string
	for _, s := range file.Sinks() {
		topics = append(topics, s.Topic())
	}
	return topics
}
