package topology

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// contract returns what instances that run the plan must agree in with others of their group.
func (p *Plan) contract() flow.Contract {
	var c flow.Contract
	for i, s := range p.made.SubTopologies {
		for _, in := range s.Inputs {
			if in.Repartition {
				c.Add("repartition topic "+in.Topic, p.repartitionContract(in.Topic, s.Name)...)
				continue
			}
			if in.Pattern != nil {
				c.Add("pattern "+in.Topic, "in sub-topology "+s.Name, "topics "+strconv.Quote(flow.PatternText(in.Pattern)), where(in.Timeless, "timeless"), where(p.ownTime(in.Topic), "time of its own"))
				continue
			}
			c.Add("source "+in.Topic, "in sub-topology "+s.Name, where(in.Timeless, "timeless"), where(p.ownTime(in.Topic), "time of its own"))
		}
		for _, st := range s.Stores {
			sh := st.Shape
			c.Add("store "+st.Name, sh.Role, "in sub-topology "+s.Name, windowsOf(sh), where(st.Retention != 0, "retention "+flow.Duration(st.Retention)),
				"key "+flow.Word(sh.Key), "value "+flow.Word(sh.Value), where(sh.Columns != "", "columns "+sh.Columns), where(sh.Format != 1, "format "+strconv.Itoa(sh.Format)),
				where(p.final(i, st.Name), "final results"))
		}
	}
	for _, n := range p.nodes {
		if n.details.Until != "" {
			c.Add("suppress "+n.name, n.details.Until)
		}
		if n.details.Within != "" {
			c.Add("join "+n.name, n.kind, n.details.Within)
		}
	}
	for _, g := range p.made.Globals {
		c.Add("global table "+g.Topic, "key "+flow.Word(g.Key), "value "+flow.Word(g.Value))
	}
	if p.config.clocks {
		c.Add("time "+kafkaStreamsTime, "each operator has a clock of its own")
	}
	c.Sort()
	return c
}

// windowsOf says what windows a store has.
func windowsOf(s flow.Shape) string {
	text := ""
	switch s.Windows {
	case "":
		if s.Size == 0 {
			return ""
		}
		text = "windows of " + flow.Duration(s.Size)
		if s.Advance != s.Size {
			text += " every " + flow.Duration(s.Advance)
		}
	case "sessions":
		text = "sessions with a gap of " + cmp.Or(flow.Duration(s.Size), "0s")
	case "sliding":
		text = "sliding windows of " + cmp.Or(flow.Duration(s.Size), "0s")
	case "cumulating":
		text = "windows of " + flow.Duration(s.Size) + " that grow by " + flow.Duration(s.Advance)
	default:
		text = s.Windows + " in " + s.Zone
	}
	if s.Offset != 0 {
		text += " with offset " + flow.Duration(s.Offset)
	}
	return text
}

func where(ok bool, field string) string {
	if !ok {
		return ""
	}
	return field
}

// repartitionContract says what a repartition topic is, which sub reads.
func (p *Plan) repartitionContract(topic, sub string) []string {
	fields := []string{"in sub-topology " + sub}
	for _, r := range p.made.Repartitions {
		if r.Name != topic {
			continue
		}
		fields = append(fields, where(r.Partitions != 0, strconv.Itoa(int(r.Partitions))+" partitions"))
		for _, w := range r.Writers {
			fields = append(fields, "written by "+w.SubTopology+where(w.Delay != 0, " with delay "+flow.Duration(w.Delay)))
		}
	}
	for _, n := range p.nodes {
		if w := n.writer; w != nil && w.repartition != nil && w.repartition.name == topic {
			fields = append(fields, "key "+flow.Word(nameOf(w.key)), "value "+flow.Word(nameOf(w.value)), where(w.chosen, "partitions chosen by a function"))
		}
	}
	return fields
}

// ownTime reports whether the event time of a source is computed.
func (p *Plan) ownTime(topic string) bool {
	return slices.ContainsFunc(p.nodes, func(n *planNode) bool {
		return n.reader != nil && n.reader.ownTime && slices.Contains(n.reader.topics, topic)
	})
}

// final reports whether the windows of a store have final results.
func (p *Plan) final(sub int, store string) bool {
	return slices.ContainsFunc(p.nodes, func(n *planNode) bool {
		return n.sub == sub && n.emits != nil && n.emit == ops.EmitFinal &&
			slices.ContainsFunc(n.stores, func(d *storeDecl) bool { return d.name == store })
	})
}
