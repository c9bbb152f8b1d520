package topology

import (
	"fmt"
	"strconv"
	"strings"
)

// DOT returns the description as a graph in the language of Graphviz: a box for each sub-topology,
// an ellipse for each node, a cylinder for each store, a note for each topic.
func (d *Description) DOT() string {
	var b strings.Builder
	q := strconv.Quote
	fmt.Fprintf(&b, "digraph %s {\n  rankdir=LR;\n  node [fontname=\"sans-serif\", fontsize=11];\n", q(d.Topology))
	topics := make(map[string]bool)
	topic := func(name string) string {
		id := q("topic " + name)
		if !topics[name] {
			topics[name] = true
			fmt.Fprintf(&b, "  %s [label=%s, shape=note];\n", id, q(name))
		}
		return id
	}
	for i, s := range d.SubTopologies {
		id := func(node string) string { return q(s.Name + "/" + node) }
		fmt.Fprintf(&b, "  subgraph cluster_%d {\n    label=%s;\n", i, q(s.Name))
		for _, n := range s.Nodes {
			label := n.ID
			for _, more := range []string{n.Windows, n.Emit, n.Delay} {
				if more != "" {
					label += "\n" + more
				}
			}
			fmt.Fprintf(&b, "    %s [label=%s];\n", id(n.ID), q(label))
		}
		for _, st := range s.Stores {
			fmt.Fprintf(&b, "    %s [label=%s, shape=cylinder];\n", id("store "+st.Name), q(st.Name))
		}
		b.WriteString("  }\n")
		for _, n := range s.Nodes {
			for _, from := range n.From {
				fmt.Fprintf(&b, "  %s -> %s;\n", id(from), id(n.ID))
			}
			for _, st := range n.Stores {
				fmt.Fprintf(&b, "  %s -> %s [dir=both, style=dashed];\n", id(n.ID), id("store "+st))
			}
			if n.Global != "" {
				fmt.Fprintf(&b, "  %s -> %s [style=dashed];\n", topic(n.Global), id(n.ID))
			}
			if n.Pattern != "" {
				fmt.Fprintf(&b, "  %s -> %s;\n", topic("/"+n.Pattern+"/"), id(n.ID))
			}
			for _, name := range n.Topics {
				if t := topic(name); len(n.From) == 0 {
					fmt.Fprintf(&b, "  %s -> %s;\n", t, id(n.ID))
				} else {
					fmt.Fprintf(&b, "  %s -> %s;\n", id(n.ID), t)
				}
			}
		}
	}
	b.WriteString("}\n")
	return b.String()
}
