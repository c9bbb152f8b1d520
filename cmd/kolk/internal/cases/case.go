package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// testcase is a file case.yaml.
type testcase struct {
	Steps []step `yaml:"steps"`
	// Elsewhere says where a case without steps is tested.
	Elsewhere string `yaml:"elsewhere"`
}

// step is one run of the command.
type step struct {
	Run   string            `yaml:"run"` // "kolk ...", words divided by blanks
	Env   map[string]string `yaml:"env"`
	Times int               `yaml:"times"` // how often, each with what is wanted; 1
	// For interrupts the run, as Ctrl-C does, when it has lasted so long.
	For  time.Duration `yaml:"for"`
	Exit int           `yaml:"exit"`
	// Output is what standard output has, in any order; of an object in JSON the fields that stand
	// here. Not given: anything.
	Output *[]string `yaml:"output"`
	// Error is what standard error contains, each somewhere.
	Error []string `yaml:"error"`
}

// limit is how long a run may take.
const limit = 2 * time.Minute

func readCase(dir string) (testcase, error) {
	var c testcase
	path := filepath.Join(dir, "case.yaml")
	data, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	if (len(c.Steps) == 0) == (c.Elsewhere == "") {
		return c, fmt.Errorf("%s: give either steps or elsewhere", path)
	}
	return c, nil
}

var command = regexp.MustCompile("`(kolk [^`]+)`")

// fromReadme makes a case of the first command that a README has.
func fromReadme(dir string) (testcase, error) {
	text, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		return testcase{}, fmt.Errorf("%s has neither case.yaml nor README.md", dir)
	}
	found := command.FindStringSubmatch(strings.ReplaceAll(string(text), "\n", " "))
	if found == nil || strings.Contains(found[1], "BROKER") {
		return testcase{Elsewhere: "its README has no command that needs no broker"}, nil
	}
	s := step{Run: found[1], Exit: anyExit}
	if !strings.Contains(s.Run, "--until-end") && (strings.HasPrefix(s.Run, "kolk dev ") || strings.HasPrefix(s.Run, "kolk run ")) {
		s.For = 15 * time.Second
	}
	return testcase{Steps: []step{s}}, nil
}

const anyExit = -1

// result is what a run gave.
type result struct {
	exit           int
	stdout, stderr string
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d\n%s%s", r.exit, head(r.stdout), head(r.stderr))
}

// head is the beginning of what a run printed.
func head(text string) string {
	const most = 30
	lines := strings.SplitAfter(text, "\n")
	if len(lines) > most+1 {
		lines = append(lines[:most], fmt.Sprintf("(%d more lines)\n", len(lines)-most-1))
	}
	return strings.Join(lines, "")
}

func (s step) run(binary, dir string) (result, error) {
	words := strings.Fields(s.Run)
	if len(words) == 0 || words[0] != "kolk" {
		return result{}, fmt.Errorf("run: want kolk and its arguments, not %q", s.Run)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, words[1:]...)
	cmd.Dir, cmd.WaitDelay = dir, 10*time.Second
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "KOLK_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	for k, v := range s.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		return result{}, err
	}
	if s.For > 0 {
		t := time.AfterFunc(s.For, func() { _ = cmd.Process.Signal(os.Interrupt) })
		defer t.Stop()
	}
	err := cmd.Wait()
	if ctx.Err() != nil {
		return result{}, fmt.Errorf("did not end within %v\n%s", limit, head(stderr.String()))
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return result{}, err
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}, nil
}

// check returns what is wrong with a result, or nothing.
func (s step) check(got result) string {
	var b strings.Builder
	if s.Exit != anyExit && got.exit != s.Exit {
		fmt.Fprintf(&b, "exit code %d, want %d\n", got.exit, s.Exit)
	}
	if strings.Contains(got.stderr, "\ngoroutine ") {
		b.WriteString("a stack trace\n")
	}
	for _, text := range s.Error {
		if !strings.Contains(got.stderr, text) {
			fmt.Fprintf(&b, "not on standard error: %s\n", text)
		}
	}
	if s.Output != nil {
		b.WriteString(diff(*s.Output, strings.Split(strings.TrimRight(got.stdout, "\n"), "\n")))
	}
	if b.Len() == 0 {
		return ""
	}
	return b.String() + head(got.stderr)
}

// diff returns the lines that are wanted and did not come (-), and those that came and are not
// wanted (+).
func diff(want, got []string) string {
	var b strings.Builder
	used := make([]bool, len(got))
	for _, w := range want {
		found := false
		for i, g := range got {
			if !used[i] && fits(w, g) {
				used[i], found = true, true
				break
			}
		}
		if !found {
			fmt.Fprintf(&b, "- %s\n", strings.TrimRight(w, "\n"))
		}
	}
	for i, g := range got {
		if !used[i] && g != "" {
			fmt.Fprintf(&b, "+ %s\n", g)
		}
	}
	return head(b.String())
}

// fits reports whether a line is the one that is wanted: the same text; or the same object, as far
// as its fields are wanted.
func fits(want, got string) bool {
	w, err := fields(want)
	if err != nil {
		return want == got
	}
	g, err := fields(got)
	if err != nil {
		return false
	}
	for name, value := range w {
		if g[name] != value {
			return false
		}
	}
	return true
}

// fields takes a JSON object apart. The values stay as they are written, without white space
// between them: 1.0 is not 1.
func fields(line string) (map[string]string, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(line), &raw); err != nil {
		return nil, err
	}
	all := map[string]string{}
	for name, value := range raw {
		var b bytes.Buffer
		if err := json.Compact(&b, value); err != nil {
			return nil, err
		}
		all[name] = b.String()
	}
	return all, nil
}
