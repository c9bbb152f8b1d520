package yamlfile

import (
	"fmt"
	"strings"
)

// Tables is what the documentation says of the blocks of a file: a section with a table for each.
func Tables(file *Block) string {
	var s strings.Builder
	for _, b := range Blocks(file) {
		fmt.Fprintf(&s, "### %s\n\n%s", b.Name, b.Doc)
		if b.Short != "" && b.Texts == nil {
			fmt.Fprintf(&s, " A text alone stands for `%s`.", b.Short)
		}
		s.WriteString("\n\n| field | holds | meaning |\n|---|---|---|\n")
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
