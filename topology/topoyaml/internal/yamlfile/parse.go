// Package yamlfile reads YAML files by blocks of known fields: each value with its position,
// variables replaced, and everything that is wrong reported with a way out.
package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Bounds for files that are not written by hand: aliases and nesting can make a small file large.
const (
	maxDepth = 64
	maxNodes = 100_000
)

// Reader reads one file into mappings whose fields the tables know, and collects its mistakes.
type Reader struct {
	file     string
	lines    []string
	lookup   func(string) (string, bool)
	Mistakes []Mistake
	replaced map[*yaml.Node]bool // scalars whose text is not what stands in the file
	broken   map[*yaml.Node]bool // of these, the ones with a mistake
	nodes    int
	tab      Position // the first tab in an indentation
	// Empty is the way out for a file that has nothing in it.
	Empty string
	// Literal files have no variables: what looks like one is text.
	Literal bool
	// Unknown are names of blocks that could not be read: it is no mistake to refer to them.
	Unknown map[string]bool
}

// NewReader returns a reader of the file of that name. lookup finds the variables, as os.LookupEnv
// does; nil finds none.
func NewReader(file string, lookup func(name string) (string, bool)) *Reader {
	if lookup == nil {
		lookup = func(string) (string, bool) { return "", false }
	}
	return &Reader{file: file, lookup: lookup, Empty: "a topology begins with its name", replaced: map[*yaml.Node]bool{}, broken: map[*yaml.Node]bool{}, Unknown: map[string]bool{}}
}

func (r *Reader) Fail(p Position, format string, args ...any) {
	r.Mistakes = append(r.Mistakes, Mistake{Pos: Position{max(p.Line, 1), max(p.Column, 1)}, Message: fmt.Sprintf(format, args...)})
}

// ofParser fits the messages of the parser of package yaml, as opposed to those of its scanner.
// Their lines are those where what is not right begins.
var ofParser = regexp.MustCompile(`^did not find expected (?:key|node content|'-' indicator|<.*>|',' or .*)$`)

// wayOut is what to do about a message of package yaml.
func wayOut(text string) string {
	switch {
	case strings.HasPrefix(text, "did not find expected ',' or"):
		return "; in the braces or brackets of this line, put what has , ? : # [ or { in it into quotes"
	case text == "did not find expected key", text == "did not find expected '-' indicator":
		return "; a line of the block that begins here is not indented like the others"
	case text == "mapping values are not allowed in this context":
		return "; what has ': ' in it needs quotes, and the fields of a mapping the same indentation"
	case text == "found unexpected end of stream":
		return "; a quote is not closed"
	}
	return ""
}

var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

// Parse reads the file as YAML. It returns nil after a mistake.
func (r *Reader) Parse(data []byte) *yaml.Node {
	if !utf8.Valid(data) {
		r.Fail(Position{1, 1}, "the file is not UTF-8")
		return nil
	}
	r.lines = strings.Split(string(data), "\n")
	for i, line := range r.lines {
		if at := strings.IndexByte(line, '\t'); at >= 0 && strings.TrimLeft(line[:at], " ") == "" && strings.TrimSpace(line) != "" {
			r.tab = Position{i + 1, at + 1}
			break
		}
	}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	err := dec.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		r.Fail(Position{1, 1}, "the file is empty; %s", r.Empty)
		return nil
	case err != nil:
		p, text := Position{1, 1}, strings.TrimPrefix(err.Error(), "yaml: ")
		if m := yamlLine.FindStringSubmatch(text); m != nil {
			p.Line, _ = strconv.Atoi(m[1])
			if text = m[2]; ofParser.MatchString(text) {
				p.Line++ // the library counts the lines of these from 0
			}
			p.Column = r.indent(p.Line)
		}
		if r.tab.Line > 0 && r.tab.Line <= p.Line+1 {
			r.Fail(r.tab, "a tab in the indentation: YAML takes spaces alone there; replace it by spaces")
			return nil
		}
		if way := r.braces(&p); way != "" {
			r.Fail(p, "%s", way)
			return nil
		}
		r.Fail(p, "no YAML: %s%s", text, wayOut(text))
		return nil
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		r.Fail(Position{1, 1}, "the file holds more than one document; remove all but one")
		return nil
	}
	root := doc.Content[0]
	if !r.expand(root, 0) {
		return nil
	}
	return root
}

// braces looks for what is wrong with the braces of the line where the parser stopped, or the one
// before, and says what to do; "" if it finds nothing.
func (r *Reader) braces(p *Position) string {
	for line := p.Line; line >= max(p.Line-1, 1) && line <= len(r.lines); line-- {
		variable, column := scanBraces(r.lines[line-1])
		switch {
		case variable:
			*p = Position{line, column}
			return "a ${NAME} within braces or brackets needs quotes there: {topic: \"${NAME}\"}"
		case column > 0:
			*p = Position{line, column}
			return fmt.Sprintf("%q closes nothing in this line: remove it, or put the text that it belongs to into quotes", r.lines[line-1][column-1:column])
		}
	}
	return ""
}

// scanBraces finds the first ${ that stands within braces without quotes, or the first brace or
// bracket that closes what the line has not opened; column is 0 if there is none.
func scanBraces(line string) (variable bool, column int) {
	quote, depth := byte(0), 0
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0:
			if c == '\\' && quote == '"' {
				i++
			} else if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && (i == 0 || strings.IndexByte(" {[,:(", line[i-1]) >= 0):
			quote = c
		case c == '#' && (i == 0 || line[i-1] == ' '):
			return false, 0
		case c == '$' && depth > 0 && strings.HasPrefix(line[i:], "${"):
			return true, i + 1
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth < 0 {
				return false, i + 1
			}
		}
	}
	return false, 0
}

// indent is the column of the first character of a line that is no space.
func (r *Reader) indent(line int) int {
	if line < 1 || line > len(r.lines) {
		return 1
	}
	text := r.lines[line-1]
	return len(text) - len(strings.TrimLeft(text, " ")) + 1
}
