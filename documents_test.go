package kolk_test

import (
	"fmt"
	"go/scanner"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// columns is how wide a line of a document or a comment is at most.
const columns = 100

// documents returns the Markdown files of the repository.
func documents(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(name string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == ".git" || name == "bin" || d.Name() == "target"):
			return filepath.SkipDir
		case strings.HasSuffix(name, ".md"):
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("%d documents found", len(files))
	}
	return files
}

var bareLink = regexp.MustCompile(`^\s*([-*] )?<?https?://\S+>?$`)

// TestDocumentsAreNarrow: no line of a document is wider than it may be, but for what Markdown
// wants in one line: rows of tables, and a link alone.
func TestDocumentsAreNarrow(t *testing.T) {
	for _, name := range documents(t) {
		for i, line := range strings.Split(read(t, name), "\n") {
			n := utf8.RuneCountInString(line)
			if n > columns && !strings.HasPrefix(line, "|") && !bareLink.MatchString(line) {
				t.Errorf("%s:%d: %d columns, more than %d", name, i+1, n, columns)
			}
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	code    = regexp.MustCompile("(?s)```.*?```|`[^`]*`")
)

// TestLinks: what documents link to within the repository is there, headings included.
func TestLinks(t *testing.T) {
	for _, name := range documents(t) {
		text := code.ReplaceAllString(read(t, name), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, ":") {
				continue // somewhere else
			}
			target := name
			if file != "" {
				target = path.Join(path.Dir(filepath.ToSlash(name)), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
				continue
			}
			if anchor != "" && !anchors(read(t, target))[anchor] {
				t.Errorf("%s links to %s, and %s has no such heading", name, m[1], target)
			}
		}
	}
}

// anchors returns the names that a document's headings have in links.
func anchors(text string) map[string]bool {
	names := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		var b strings.Builder
		for _, r := range strings.ToLower(m[1]) {
			switch {
			case r == ' ':
				b.WriteByte('-')
			case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
				b.WriteRune(r)
			}
		}
		names[b.String()] = true
	}
	return names
}

// TestDecisions holds decisions to their form, and to the list of them.
func TestDecisions(t *testing.T) {
	const dir = "docs/adr"
	form := regexp.MustCompile(`^# (\d+)\. (.+)\n\n- Date: (\d{4}-\d\d-\d\d)\n- Status: (accepted|rejected|superseded by \[\d+\]\(\d{4}-[a-z-]+\.md\))(; .*)?\n\n`)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	list, number := "", 0
	last := ""
	for _, f := range files {
		if f.Name() == "README.md" {
			continue
		}
		number++
		m := form.FindStringSubmatch(read(t, dir+"/"+f.Name()))
		if m == nil {
			t.Errorf("%s does not begin with title, date and status", f.Name())
			continue
		}
		if m[1] != fmt.Sprint(number) || !strings.HasPrefix(f.Name(), fmt.Sprintf("%04d-", number)) {
			t.Errorf("%s: it is number %d, and its title says %s", f.Name(), number, m[1])
		}
		if m[3] < last {
			t.Errorf("%s is of %s, and the one before of %s", f.Name(), m[3], last)
		}
		last = m[3]
		list += fmt.Sprintf("| %s | [%s](%s) | %s | %s |\n", m[1], m[2], f.Name(), m[3], m[4])
	}
	if readme := read(t, dir+"/README.md"); !strings.HasSuffix(readme, "|---|---|---|---|\n"+list) {
		t.Errorf("%s/README.md does not end in the list of decisions, which is\n%s", dir, list)
	}
}

// TestMakefile: what the documents and .ci/run say of make is a target.
func TestMakefile(t *testing.T) {
	makefile := read(t, "Makefile")
	inDocuments := regexp.MustCompile("(?:`| {4}|=\\S+ )make ([a-z-]+)")
	check := func(name string, commands *regexp.Regexp) {
		found := commands.FindAllStringSubmatch(read(t, name), -1)
		for _, m := range found {
			if !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s says make %s, which is no target", name, m[1])
			}
		}
		if len(found) == 0 && (name == "README.md" || name == ".ci/run") {
			t.Errorf("%s does not say make", name)
		}
	}
	for _, name := range documents(t) {
		check(name, inDocuments)
	}
	check(".ci/run", regexp.MustCompile(`(?m)^make ([a-z-]+)`))
	if _, err := exec.LookPath("make"); err != nil {
		return
	}
	help, err := exec.Command("make", "--no-print-directory", "help").CombinedOutput()
	if err != nil || !strings.Contains(string(help), "make check ") {
		t.Errorf("make help: %v\n%s", err, help)
	}
}

// TestCommentsAreNarrow: no line that has a comment is wider than it may be, a tab being four
// columns.
func TestCommentsAreNarrow(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(name string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == ".git" || name == "bin" || d.Name() == "testdata"):
			return filepath.SkipDir
		case !strings.HasSuffix(name, ".go"):
			return nil
		}
		files++
		src := []byte(read(t, name))
		lines := strings.Split(string(src), "\n")
		set := token.NewFileSet()
		file := set.AddFile(name, -1, len(src))
		var s scanner.Scanner
		s.Init(file, src, nil, scanner.ScanComments)
		for {
			pos, tok, text := s.Scan()
			if tok == token.EOF {
				return nil
			}
			if tok != token.COMMENT {
				continue
			}
			first := set.Position(pos).Line
			for i := range 1 + strings.Count(text, "\n") {
				line := strings.ReplaceAll(lines[first+i-1], "\t", "    ")
				if n := utf8.RuneCountInString(line); n > columns {
					t.Errorf("%s:%d: %d columns, more than %d", name, first+i, n, columns)
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 300 {
		t.Fatalf("%d files found", files)
	}
}
