// Command cases runs the inputs below cases/ through the command line and compares what comes out
// with what is wanted. cases/README.md describes the files.
//
//	cases BINARY CASES [DIRECTORY]
//
// BINARY is kolk, CASES the directory with what is wanted. With DIRECTORY the inputs are that
// directory's: a case there that has the name of one in CASES is held to it, and of any other the
// command in its README is run and what came is shown.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if len(os.Args) < 3 || len(os.Args) > 4 {
		fmt.Fprintln(os.Stderr, "usage: cases BINARY CASES [DIRECTORY]")
		os.Exit(2)
	}
	ours, theirs := os.Args[2], os.Args[2]
	if len(os.Args) == 4 && os.Args[3] != "" {
		theirs = os.Args[3]
	}
	ok, err := runAll(os.Args[1], ours, theirs, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cases:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// runAll runs every directory of theirs, in order of name, and reports whether none has failed. The
// last line that it writes has the numbers.
func runAll(binary, ours, theirs string, w io.Writer) (bool, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return false, err
	}
	names, err := directories(theirs)
	if err != nil {
		return false, err
	}
	if len(names) == 0 {
		return false, fmt.Errorf("%s: no cases", theirs)
	}
	var passed, failed int
	for _, name := range names {
		begin := time.Now()
		verdict, details := runCase(binary, filepath.Join(ours, name), filepath.Join(theirs, name))
		switch verdict {
		case pass:
			passed++
		case fail:
			failed++
		}
		fmt.Fprintf(w, "%-6s %s (%.1f s)\n", verdict, name, time.Since(begin).Seconds())
		for line := range strings.Lines(details) {
			fmt.Fprintf(w, "       %s\n", strings.TrimRight(line, "\n"))
		}
	}
	fmt.Fprintf(w, "%d passed, %d failed\n", passed, failed)
	return failed == 0, nil
}

// What became of a case.
const (
	pass   = "passed"
	fail   = "FAILED"
	kafka  = "kafka"  // not run: it is in the suite on Apache Kafka
	unsaid = "unsaid" // run, but nobody says what is wanted
)

// runCase runs one case in a directory of its own. ours has what is wanted, if anything does,
// theirs the inputs.
func runCase(binary, ours, theirs string) (verdict, details string) {
	c, err := readCase(theirs)
	if errors.Is(err, os.ErrNotExist) {
		c, err = readCase(ours)
	}
	said := err == nil
	if errors.Is(err, os.ErrNotExist) {
		c, err = fromReadme(theirs)
	}
	if err != nil {
		return fail, err.Error()
	}
	if len(c.Steps) == 0 {
		return kafka, c.Elsewhere
	}
	dir, err := os.MkdirTemp("", "kolk-case")
	if err != nil {
		return fail, err.Error()
	}
	defer os.RemoveAll(dir)
	for _, from := range []string{ours, theirs} { // where both have a file it is theirs
		if err := copyInto(dir, from); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fail, err.Error()
		}
	}
	for _, s := range c.Steps {
		for range max(s.Times, 1) {
			got, err := s.run(binary, dir)
			if err != nil {
				return fail, fmt.Sprintf("%s\n%v", s.Run, err)
			}
			if wrong := s.check(got); wrong != "" {
				return fail, fmt.Sprintf("%s\n%s", s.Run, wrong)
			}
			if !said {
				details += fmt.Sprintf("%s\n%s", s.Run, got)
			}
		}
	}
	if !said {
		return unsaid, details
	}
	return pass, ""
}

func directories(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(path, e.Name())); err == nil && info.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func copyInto(dir, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(dir, name), 0o777)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), data, 0o666)
	})
}
