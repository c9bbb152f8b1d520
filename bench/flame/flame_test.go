package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"
)

//go:noinline
func spinning(until time.Time) (n int) {
	for time.Now().Before(until) {
		n++
	}
	return n
}

// A profile of a function that spins is a picture that names it, and well-formed.
func TestFlame(t *testing.T) {
	var b bytes.Buffer
	if err := pprof.StartCPUProfile(&b); err != nil {
		t.Fatal(err)
	}
	spinning(time.Now().Add(300 * time.Millisecond))
	pprof.StopCPUProfile()
	p, err := profile.ParseData(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, s := range p.Sample {
		total += s.Value[1]
	}
	root, err := readProfile(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if total == 0 || root.value != total {
		t.Errorf("%d ns in the tree, %d in the samples", root.value, total)
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "spin.cpu.prof")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run([]string{"-o", dir, name}, &out); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(out.String(), "\n"); len(lines) != 4 || !strings.HasPrefix(lines[2], "| spin | ") {
		t.Errorf("table: %q", out.String())
	}
	svg, err := os.ReadFile(filepath.Join(dir, "spin.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(svg), "flame.spinning") && !strings.Contains(string(svg), "main.spinning") {
		t.Error("no box names the function")
	}
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlain(t *testing.T) {
	for name, want := range map[string]string{
		"a.F":                       "a.F",
		"a/b.(*T[go.shape.int]).M":  "a/b.(*T).M",
		"a.F[go.shape.[]uint8,x].1": "a.F.1",
		"a.F[":                      "a.F[",
	} {
		if got := plain(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// What calls belongs to the caller's owner, unless it has one of its own.
func TestOwn(t *testing.T) {
	root := &node{children: map[string]*node{}}
	add := func(value int64, names ...string) {
		at := root
		at.value += value
		for _, n := range names {
			at = at.child(n)
			at.value += value
		}
	}
	add(5, "github.com/kolkstream/kolk/state.F", "runtime.memmove")
	add(3, "github.com/kolkstream/kolk/state.F", "github.com/cockroachdb/pebble.Get", "bytes.Compare")
	add(2, "runtime.gcBgMarkWorker", "runtime.scanObject")
	add(1, "runtime.mcall")
	shares := make([]int64, len(owners))
	own(root, shares)
	got := map[string]int64{}
	for i, o := range owners {
		got[o.name] = shares[i]
	}
	if got["kolk"] != 5 || got["Pebble"] != 3 || got["garbage collection"] != 2 || got["runtime and library"] != 1 {
		t.Errorf("%v", got)
	}
}

func TestNoProfile(t *testing.T) {
	for _, b := range [][]byte{nil, []byte("text"), {0x12, 200}} {
		if _, err := readProfile(bytes.NewReader(b)); err == nil {
			t.Errorf("%q: no error", b)
		}
	}
}
