package yamlfile

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Position is a place in the file.
type Position struct{ Line, Column int }

// Mistake is one mistake in a file.
type Mistake struct {
	Pos     Position
	Message string
	// Missing is the name of the Go function that is missing, if that is the mistake.
	Missing string
}

// Where is how errors at run time name a place of the file.
func (r *Reader) Where(p Position) string {
	return fmt.Sprintf("%s:%d:%d", r.file, p.Line, p.Column)
}

func At(n *yaml.Node) Position { return Position{n.Line, n.Column} }

// Within is the place of a character of a scalar's text, or the scalar's if that cannot be said or
// the offset is negative.
func (r *Reader) Within(n *yaml.Node, offset int) Position {
	p := At(n)
	if offset < 0 || r.replaced[n] || n.Style&yaml.FoldedStyle != 0 {
		return p
	}
	runes := []rune(n.Value)
	offset = min(offset, len(runes))
	before := string(runes[:offset])
	if n.Style&yaml.LiteralStyle != 0 {
		p.Line += 1 + strings.Count(before, "\n")
		last := before[strings.LastIndexByte(before, '\n')+1:]
		p.Column = r.indent(p.Line) + utf8.RuneCountInString(last)
		return p
	}
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		offset++
	}
	// Quotes with escapes, and scalars over several lines, are not what stands in the file.
	if p.Line > len(r.lines) || !strings.Contains(r.lines[p.Line-1], n.Value) {
		return p
	}
	p.Column += offset
	return p
}
