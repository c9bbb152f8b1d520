package topoyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
)

// Bounds for files that are not written by hand: aliases and nesting can make a small file large.
const (
	maxDepth = 64
	maxNodes = 100_000
)

// reader reads one file into mappings whose fields the tables know, and collects its mistakes.
type reader struct {
	file     string
	lines    []string
	lookup   func(string) (string, bool)
	mistakes []error
	replaced map[*yaml.Node]bool // scalars whose text is not what stands in the file
	broken   map[*yaml.Node]bool // of these, the ones with a mistake
	nodes    int
	tab      position // the first tab in an indentation
	// unknown are names of blocks that could not be read: it is no mistake to refer to them.
	unknown map[string]bool
}

// mapping is a block as it stands in the file. Its fields are those of the table, each once; a field that is wrong is left out.
type mapping struct {
	pos     position
	block   *block
	entries []entry
}

// entry is one field of a mapping.
type entry struct {
	name string
	pos  position // of the name
	node *yaml.Node

	mapping  *mapping   // shapeBlock
	mappings []*mapping // shapeBlocks, shapeNamed
	names    []entry    // shapeNamed: name and position
}

// get returns the field, or nil. A nil mapping has no fields.
func (m *mapping) get(name string) *entry {
	if m == nil {
		return nil
	}
	for i := range m.entries {
		if m.entries[i].name == name {
			return &m.entries[i]
		}
	}
	return nil
}

// at is where a complaint about a field belongs: its value, or the mapping.
func (m *mapping) at(name string) position {
	if e := m.get(name); e != nil {
		return at(e.node)
	}
	return m.pos
}

func (m *mapping) text(name string) string {
	if e := m.get(name); e != nil {
		return e.node.Value
	}
	return ""
}

func (m *mapping) flag(name string) bool {
	b, _ := strconv.ParseBool(m.text(name))
	return b
}

func at(n *yaml.Node) position { return position{n.Line, n.Column} }

func (r *reader) fail(p position, format string, args ...any) {
	r.mistakes = append(r.mistakes, &Error{File: r.file, Line: max(p.line, 1), Column: max(p.column, 1), Message: fmt.Sprintf(format, args...)})
}

// ofParser fits the messages of the parser of package yaml, as opposed to those of its scanner. Their lines are those where what is not
// right begins.
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

// parse reads the file as YAML. It returns nil after a mistake.
func (r *reader) parse(data []byte) *yaml.Node {
	if !utf8.Valid(data) {
		r.fail(position{1, 1}, "the file is not UTF-8")
		return nil
	}
	r.lines = strings.Split(string(data), "\n")
	for i, line := range r.lines {
		if at := strings.IndexByte(line, '\t'); at >= 0 && strings.TrimLeft(line[:at], " ") == "" && strings.TrimSpace(line) != "" {
			r.tab = position{i + 1, at + 1}
			break
		}
	}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	err := dec.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		r.fail(position{1, 1}, "the file is empty; a topology begins with its name")
		return nil
	case err != nil:
		p, text := position{1, 1}, strings.TrimPrefix(err.Error(), "yaml: ")
		if m := yamlLine.FindStringSubmatch(text); m != nil {
			p.line, _ = strconv.Atoi(m[1])
			if text = m[2]; ofParser.MatchString(text) {
				p.line++ // the library counts the lines of these from 0
			}
			p.column = r.indent(p.line)
		}
		if r.tab.line > 0 && r.tab.line <= p.line+1 {
			r.fail(r.tab, "a tab in the indentation: YAML takes spaces alone there; replace it by spaces")
			return nil
		}
		if way := r.braces(&p); way != "" {
			r.fail(p, "%s", way)
			return nil
		}
		r.fail(p, "no YAML: %s%s", text, wayOut(text))
		return nil
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		r.fail(position{1, 1}, "the file holds more than one document; a file is one topology")
		return nil
	}
	root := doc.Content[0]
	if !r.expand(root, 0) {
		return nil
	}
	return root
}

// braces looks for what is wrong with the braces of the line where the parser stopped, or the one before, and says what to do; "" if it finds
// nothing.
func (r *reader) braces(p *position) string {
	for line := p.line; line >= max(p.line-1, 1) && line <= len(r.lines); line-- {
		variable, column := scanBraces(r.lines[line-1])
		switch {
		case variable:
			*p = position{line, column}
			return "a ${NAME} within braces or brackets needs quotes there: {topic: \"${NAME}\"}"
		case column > 0:
			*p = position{line, column}
			return fmt.Sprintf("%q closes nothing in this line: remove it, or put the text that it belongs to into quotes", r.lines[line-1][column-1:column])
		}
	}
	return ""
}

// scanBraces finds the first ${ that stands within braces without quotes, or the first brace or bracket that closes what the line has not
// opened; column is 0 if there is none.
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
func (r *reader) indent(line int) int {
	if line < 1 || line > len(r.lines) {
		return 1
	}
	text := r.lines[line-1]
	return len(text) - len(strings.TrimLeft(text, " ")) + 1
}

// expand replaces aliases and variables in the tree. It returns false if the tree is too large.
func (r *reader) expand(n *yaml.Node, depth int) bool {
	if r.nodes++; r.nodes > maxNodes {
		r.fail(at(n), "the file has more than %d nodes", maxNodes)
		return false
	}
	if depth > maxDepth {
		r.fail(at(n), "nested deeper than %d levels, or an alias that contains itself", maxDepth)
		return false
	}
	for i, c := range n.Content {
		if c.Kind == yaml.AliasNode {
			c = c.Alias
			n.Content[i] = c
		}
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			continue // names are names
		}
		if !r.expand(c, depth+1) {
			return false
		}
	}
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "${") && !r.replaced[n] {
		r.replaced[n] = true
		r.replace(n)
	}
	return true
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// replace replaces ${VAR} and ${VAR:default} in a scalar. $${ stands for ${.
func (r *reader) replace(n *yaml.Node) {
	fail := func(format string, args ...any) {
		r.fail(at(n), format, args...)
		r.broken[n] = true
	}
	var out strings.Builder
	rest := n.Value
	for {
		i := strings.Index(rest, "${")
		if i < 0 {
			break
		}
		if i > 0 && rest[i-1] == '$' {
			out.WriteString(rest[:i] + "{")
			rest = rest[i+2:]
			continue
		}
		out.WriteString(rest[:i])
		end := strings.IndexByte(rest[i:], '}')
		if end < 0 {
			fail("${ without }; write $${ for the characters themselves")
			return
		}
		name, value, hasDefault := strings.Cut(rest[i+2:i+end], ":")
		rest = rest[i+end+1:]
		if !variableName.MatchString(name) {
			fail("%q is no name of a variable; write ${NAME} or ${NAME:default}, and $${ for the characters themselves", name)
			return
		}
		if set, ok := r.lookup(name); ok {
			value = set
		} else if !hasDefault {
			fail("the variable %s is not set; set it, or give a default: ${%s:...}", name, name)
		}
		out.WriteString(value)
	}
	out.WriteString(rest)
	n.Value = out.String()
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		n.Tag = "" // a number or a flag, if the text is one
	}
}

// mapping reads a block. A mistake in one field leaves the others standing.
func (r *reader) mapping(n *yaml.Node, b *block) *mapping {
	m := &mapping{pos: at(n), block: b}
	if n.Kind == yaml.ScalarNode && b.short != "" && n.ShortTag() != "!!null" {
		if b.texts != nil && !slices.Contains(b.texts, n.Value) {
			r.fail(at(n), "%s: this should be %s, or a mapping with fields of %s, not %q", b.name, list(b.texts, "or"), list(b.names(), "and"), n.Value)
			return nil
		}
		e := entry{name: b.short, pos: at(n), node: n}
		if r.field(&e, b.field(b.short)) {
			m.entries = append(m.entries, e)
		}
		return m
	}
	if n.Kind != yaml.MappingNode {
		r.fail(at(n), "%s: this should be a mapping with fields of %s, not %s", b.name, list(b.names(), "and"), nodeKind(n))
		return nil
	}
	seen := map[string]position{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if name.Kind != yaml.ScalarNode {
			r.fail(at(name), "a field's name is a text, not %s", nodeKind(name))
			continue
		}
		if first, ok := seen[name.Value]; ok {
			r.fail(at(name), "the field %q is there twice, first in line %d; remove one", name.Value, first.line)
			continue
		}
		seen[name.Value] = at(name)
		def := b.field(name.Value)
		if def == nil {
			r.fail(at(name), "unknown field %q in a %s%s", name.Value, b.name, didYouMean(name.Value, b.names()))
			continue
		}
		e := entry{name: name.Value, pos: at(name), node: value}
		if r.field(&e, def) {
			m.entries = append(m.entries, e)
		}
	}
	for _, f := range b.fields {
		if _, ok := seen[f.name]; f.required && !ok {
			r.fail(m.pos, "%s: the field %q is missing: %s", b.name, f.name, f.doc)
		}
	}
	r.one(m, seen)
	return m
}

// one checks that exactly one of the block's alternatives is there.
func (r *reader) one(m *mapping, seen map[string]position) {
	if len(m.block.one) == 0 {
		return
	}
	var found []string
	for _, name := range m.block.one {
		if _, ok := seen[name]; ok {
			found = append(found, name)
		}
	}
	switch {
	case len(found) == 0 && len(seen) > 0 && m.block.name == "step":
		// The unknown field has been reported.
	case len(found) == 0:
		r.fail(m.pos, "%s: one of the fields %s is needed", m.block.name, list(m.block.one, "or"))
	case len(found) > 1 && m.block.name == "step":
		r.fail(seen[found[1]], "%s are steps of their own: begin each with -", list(found, "and"))
	case len(found) > 1:
		r.fail(seen[found[1]], "%s: only one of the fields %s is possible; remove the others", m.block.name, list(found, "and"))
	}
}

// field checks the value of a field; false means that it is of no use.
func (r *reader) field(e *entry, def *fieldDef) bool {
	n := e.node
	if r.broken[n] {
		return false
	}
	scalar := n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null"
	wrong := func(what string) bool {
		r.fail(at(n), "%s should be %s, not %s", e.name, what, nodeKind(n))
		return false
	}
	switch def.shape {
	case shapeText, shapeColumn:
		if !scalar {
			return wrong("a text")
		}
		if strings.TrimSpace(n.Value) == "" {
			return wrong("a text that is not empty")
		}
	case shapeExpression:
		if !scalar {
			return wrong("an expression")
		}
	case shapeTemplate:
		if n.Kind == yaml.ScalarNode && !scalar {
			return wrong("an expression or a mapping of expressions")
		}
	case shapeTexts:
		if n.Kind == yaml.SequenceNode && len(n.Content) > 0 {
			for _, c := range n.Content {
				if c.Kind != yaml.ScalarNode || c.Value == "" {
					r.fail(at(c), "%s should be a text or a list of texts; this is %s", e.name, nodeKind(c))
					return false
				}
			}
		} else if !scalar || n.Value == "" {
			return wrong("a text or a list of texts")
		}
	case shapeFlag:
		if n.ShortTag() != "!!bool" {
			return wrong("true or false")
		}
	case shapeNumber:
		if i, err := strconv.ParseInt(n.Value, 10, 32); !scalar || err != nil || i < 1 {
			return wrong("a whole number from 1")
		}
	case shapeDuration:
		if !scalar {
			return wrong("a duration such as 10s, 90m or 1d")
		}
		if _, err := functions.ParseDuration(n.Value); err != nil {
			r.fail(at(n), "%s: %v", e.name, err)
			return false
		}
	case shapeSerde:
		if _, ok := formatOf(n.Value); !scalar || !ok {
			r.fail(at(n), "unknown serde %q%s", n.Value, didYouMean(n.Value, formatNames))
			return false
		}
	case shapeEnum:
		for _, v := range def.enum {
			if scalar && n.Value == v {
				return true
			}
		}
		r.fail(at(n), "%s should be one of %s%s", e.name, list(def.enum, "or"), didYouMean(n.Value, def.enum))
		return false
	case shapeSchema:
		if n.Kind != yaml.MappingNode {
			return wrong("a mapping from fields to types")
		}
	case shapeBlock:
		e.mapping = r.mapping(n, def.block)
		return e.mapping != nil
	case shapeBlocks:
		if n.Kind != yaml.SequenceNode {
			return wrong("a list")
		}
		for _, c := range n.Content {
			if m := r.mapping(c, def.block); m != nil {
				e.mappings = append(e.mappings, m)
			}
		}
	case shapeNamed:
		return r.named(e, def)
	}
	return true
}

// named reads a mapping from names to blocks.
func (r *reader) named(e *entry, def *fieldDef) bool {
	n := e.node
	if n.Kind != yaml.MappingNode {
		r.fail(at(n), "%s should be a mapping from names to %ss, not %s", e.name, def.block.name, nodeKind(n))
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if name.Kind != yaml.ScalarNode || name.Value == "" {
			r.fail(at(name), "a name is a text, not %s", nodeKind(name))
			continue
		}
		m := r.mapping(value, def.block)
		if m == nil {
			r.unknown[name.Value] = true
			continue
		}
		e.mappings = append(e.mappings, m)
		e.names = append(e.names, entry{name: name.Value, pos: at(name), node: name})
	}
	return true
}

func nodeKind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.ShortTag() == "!!null" {
		return "nothing"
	}
	return strconv.Quote(n.Value)
}

// list is "a", "a" or "b", "a", "b" or "c", with that word.
func list(names []string, word string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = strconv.Quote(n)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " " + word + " " + quoted[len(quoted)-1]
}

// within is the place of a character of a scalar's text, or the scalar's if that cannot be said.
func (r *reader) within(n *yaml.Node, offset int) position {
	p := at(n)
	if r.replaced[n] || n.Style&yaml.FoldedStyle != 0 {
		return p
	}
	runes := []rune(n.Value)
	offset = min(offset, len(runes))
	before := string(runes[:offset])
	if n.Style&yaml.LiteralStyle != 0 {
		p.line += 1 + strings.Count(before, "\n")
		last := before[strings.LastIndexByte(before, '\n')+1:]
		p.column = r.indent(p.line) + utf8.RuneCountInString(last)
		return p
	}
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		offset++
	}
	// Quotes with escapes, and scalars over several lines, are not what stands in the file.
	if p.line > len(r.lines) || !strings.Contains(r.lines[p.line-1], n.Value) {
		return p
	}
	p.column += offset
	return p
}
