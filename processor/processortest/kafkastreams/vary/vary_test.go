package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"
)

// Cases are the same for the same seed, and nodes come behind those that they read.
func TestVary(t *testing.T) {
	files, err := filepath.Glob("../testdata/*.jsonl.gz")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	const seed, n = 7, 300
	var first, second, other bytes.Buffer
	for _, of := range []struct {
		out  *bytes.Buffer
		seed uint64
	}{{&first, seed}, {&second, seed}, {&other, seed + 1}} {
		if err := run(of.out, files, of.seed, n); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) || bytes.Equal(first.Bytes(), other.Bytes()) {
		t.Error("the seed does not say which cases there are")
	}
	names := make(map[string]bool)
	for dec := json.NewDecoder(&first); dec.More(); {
		var c kase
		if err := dec.Decode(&c); err != nil {
			t.Fatal(err)
		}
		names[c.text("name")] = true
		made := make(map[string]bool)
		for _, node := range c.list("topology") {
			for _, in := range texts(node["in"]) {
				if !made[in] {
					t.Errorf("%s: %v reads %s, which is not there yet", c.text("name"), node, in)
				}
			}
			made[node.text("id")], made[node.text("default")] = true, true
			for _, b := range node.list("branches") {
				made[b.text("id")] = true
			}
		}
		if len(c.list("steps")) == 0 {
			t.Errorf("%s has no steps", c.text("name"))
		}
	}
	if len(names) != n {
		t.Errorf("%d names of %d cases", len(names), n)
	}
	if err := run(&other, nil, seed, n); err == nil {
		t.Error("no files, no error")
	}
}
