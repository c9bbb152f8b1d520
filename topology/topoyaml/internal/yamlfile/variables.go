package yamlfile

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// expand replaces aliases and variables in the tree. It returns false if the tree is too large.
func (r *Reader) expand(n *yaml.Node, depth int) bool {
	if r.nodes++; r.nodes > maxNodes {
		r.Fail(At(n), "the file has more than %d nodes", maxNodes)
		return false
	}
	if depth > maxDepth {
		r.Fail(At(n), "nested deeper than %d levels, or an alias that contains itself", maxDepth)
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
	if !r.Literal && n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "${") && !r.replaced[n] {
		r.replaced[n] = true
		r.replace(n)
	}
	return true
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// replace replaces ${VAR} and ${VAR:default} in a scalar. $${ stands for ${.
func (r *Reader) replace(n *yaml.Node) {
	fail := func(format string, args ...any) {
		r.Fail(At(n), format, args...)
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
