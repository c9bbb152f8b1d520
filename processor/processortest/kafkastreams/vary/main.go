// Vary makes cases of its own out of recorded ones: other records and times, other parameters, and
// the topology of one case behind that of another. What comes out has no answers: the recorder
// beside it asks Kafka Streams for them.
//
//	vary -seed 1 -n 1000 testdata/*.jsonl.gz
package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	seed := flag.Uint64("seed", 1, "of the random numbers")
	n := flag.Int("n", 1000, "cases")
	flag.Parse()
	if err := run(os.Stdout, flag.Args(), *seed, *n); err != nil {
		fmt.Fprintln(os.Stderr, "vary:", err)
		os.Exit(1)
	}
}

// run writes n cases, a line each, made of those in the files.
func run(out io.Writer, files []string, seed uint64, n int) error {
	var all []kase
	for _, file := range files {
		cases, err := read(file)
		if err != nil {
			return err
		}
		all = append(all, slices.DeleteFunc(cases, func(c kase) bool { return c.text("quirk") != "" })...)
	}
	if len(all) == 0 {
		return fmt.Errorf("no cases: name files FAMILY.jsonl or FAMILY.jsonl.gz")
	}
	w := bufio.NewWriter(out)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for i := range n {
		// a generator for each case, so that one can be made again alone
		v := varier{rand.New(rand.NewPCG(seed, uint64(i)))}
		c := v.vary(all[v.IntN(len(all))], all)
		for showsDefect(c["topology"].([]kase)) {
			c = v.vary(all[v.IntN(len(all))], all)
		}
		c["name"] = fmt.Sprintf("%s/seed%d/%06d", strings.Split(c.text("name"), "/")[0], seed, i)
		if err := enc.Encode(c); err != nil {
			return err
		}
	}
	return w.Flush()
}

// kase is a case, as it is in the file.
type kase map[string]any

func (c kase) text(field string) string {
	s, _ := c[field].(string)
	return s
}

func (c kase) list(field string) []kase {
	var all []kase
	items, _ := c[field].([]any)
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}

// read reads all cases of a file.
func read(file string) ([]kase, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var text io.Reader = f
	if filepath.Ext(file) == ".gz" {
		if text, err = gzip.NewReader(f); err != nil {
			return nil, err
		}
	}
	var all []kase
	dec := json.NewDecoder(text)
	dec.UseNumber()
	for dec.More() {
		var c kase
		if err := dec.Decode(&c); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, c)
	}
	return all, nil
}
