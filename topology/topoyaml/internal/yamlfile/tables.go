package yamlfile

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Tables is what the documentation says of the blocks of a file: a section with a table for each.
func Tables(file *Block) string {
	var s strings.Builder
	for _, b := range Blocks(file) {
		doc := b.Doc
		if b.Short != "" && b.Texts == nil {
			doc += " A text alone stands for `" + b.Short + "`."
		}
		fmt.Fprintf(&s, "### %s\n\n%s", b.Name, Wrap("", doc))
		s.WriteString("\n| field | holds | meaning |\n|---|---|---|\n")
		for _, f := range b.Fields {
			name := "`" + f.Name + "`"
			if f.Required {
				name += " (required)"
			}
			fmt.Fprintf(&s, "| %s | %s | %s |\n", name, f.Shape.words, escape(f.Doc))
		}
		if b.Rest != nil {
			fmt.Fprintf(&s, "| any other name | %s | %s |\n", b.Rest.Shape.words, escape(b.Rest.Doc))
		}
		s.WriteByte('\n')
	}
	return s.String()
}

func escape(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

// Wrap returns a text in lines of at most 100 columns. The first begins with mark, such as that of
// a list; the others stand below its text.
func Wrap(mark, text string) string {
	const columns = 100
	var s strings.Builder
	line, begun := mark, false
	for _, word := range strings.Fields(text) {
		if begun && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > columns {
			s.WriteString(line + "\n")
			line, begun = strings.Repeat(" ", len(mark)), false
		}
		if begun {
			line += " "
		}
		line, begun = line+word, true
	}
	return s.String() + line + "\n"
}
