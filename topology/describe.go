package topology

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/kolkstream/kolk/internal/flow"
)

// Description is what a plan consists of, for people and for comparison: nodes with names and
// kinds, topics and stores with their serdes, windows, when results are emitted. It names no
// functions and no types of Go, so that a program and a file that come to the same plan have the
// same description.
type Description struct {
	Topology      string                   `json:"topology"`
	Time          string                   `json:"time,omitempty"` // "": the default
	SubTopologies []SubTopologyDescription `json:"subTopologies"`
	Repartitions  []RepartitionDescription `json:"repartitions,omitempty"`
	GlobalTables  []GlobalDescription      `json:"globalTables,omitempty"`
	CoPartitioned [][]string               `json:"coPartitioned,omitempty"`
	Fingerprint   string                   `json:"fingerprint,omitempty"`
}

// kafkaStreamsTime is what descriptions and contracts call the time of [KafkaStreamsTime].
const kafkaStreamsTime = "kafka-streams"

// SubTopologyDescription describes a sub-topology.
type SubTopologyDescription struct {
	Name   string             `json:"name"`
	Nodes  []NodeDescription  `json:"nodes"`
	Stores []StoreDescription `json:"stores,omitempty"`
}

// NodeDescription describes a node. From names the nodes before it, as ID does.
type NodeDescription struct {
	ID       string   `json:"id"` // kind and name
	Kind     string   `json:"kind"`
	Name     string   `json:"name"`
	From     []string `json:"from,omitempty"`
	Topics   []string `json:"topics,omitempty"`  // read or written
	Pattern  string   `json:"pattern,omitempty"` // of the names of the topics that are read
	Key      string   `json:"key,omitempty"`     // serdes of Topics
	Value    string   `json:"value,omitempty"`
	Time     string   `json:"time,omitempty"` // "computed", where it is not the message's
	Timeless bool     `json:"timeless,omitempty"`
	Future   string   `json:"maxFuture,omitempty"`
	Stores   []string `json:"stores,omitempty"`
	Global   string   `json:"global,omitempty"`
	Windows  string   `json:"windows,omitempty"`
	Emit     string   `json:"emit,omitempty"`
	Delay    string   `json:"delay,omitempty"`
	Grace    string   `json:"grace,omitempty"` // of a join
	Until    string   `json:"until,omitempty"`
	// Chosen says that a function chooses the partition of each record that is written.
	Chosen bool   `json:"chosen,omitempty"`
	Within string `json:"within,omitempty"`
	// Fraction is that of a sample, Limit the number of records of a window that pass.
	Fraction float64 `json:"fraction,omitempty"`
	Limit    int64   `json:"limit,omitempty"`
	// Calls is how many calls of a function that may block run at once, Timeout how long each may
	// take.
	Calls   int    `json:"calls,omitempty"`
	Timeout string `json:"timeout,omitempty"`
}

// StoreDescription describes a store.
type StoreDescription struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	Key       string `json:"key"`
	Value     string `json:"value"`
	Retention string `json:"retention,omitempty"`
}

// RepartitionDescription describes a repartition topic.
type RepartitionDescription struct {
	Name       string              `json:"name"`
	Partitions int32               `json:"partitions,omitempty"`
	Writers    []WriterDescription `json:"writers"`
}

// WriterDescription describes who writes a repartition topic.
type WriterDescription struct {
	SubTopology string `json:"subTopology"`
	Delay       string `json:"delay,omitempty"`
}

// GlobalDescription describes a global table.
type GlobalDescription struct {
	Topic string `json:"topic"`
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Describe returns the plan's description.
func (p *Plan) Describe() *Description {
	d := p.describe()
	d.Fingerprint = p.Fingerprint()
	return d
}

// Fingerprint returns a short text that is the same for plans with the same description. Instances
// of one group need not have the same: see [Plan.Contract].
func (p *Plan) Fingerprint() string {
	sum := sha256.Sum256(p.describe().JSON())
	return hex.EncodeToString(sum[:8])
}

func (p *Plan) describe() *Description {
	d := &Description{Topology: p.made.Name}
	if p.config.clocks {
		d.Time = kafkaStreamsTime
	}
	for i, s := range p.made.SubTopologies {
		sd := SubTopologyDescription{Name: s.Name}
		for _, n := range p.nodes {
			if n.sub == i {
				sd.Nodes = append(sd.Nodes, p.describeNode(n))
			}
		}
		for _, st := range s.Stores {
			sd.Stores = append(sd.Stores, StoreDescription{
				Name: st.Name, Kind: st.Kind.String(), Key: st.Shape.Key, Value: st.Shape.Value, Retention: flow.Duration(st.Retention),
			})
		}
		d.SubTopologies = append(d.SubTopologies, sd)
	}
	for _, r := range p.made.Repartitions {
		rd := RepartitionDescription{Name: r.Name, Partitions: r.Partitions}
		for _, w := range r.Writers {
			rd.Writers = append(rd.Writers, WriterDescription{SubTopology: w.SubTopology, Delay: flow.Duration(w.Delay)})
		}
		d.Repartitions = append(d.Repartitions, rd)
	}
	for _, g := range p.made.Globals {
		d.GlobalTables = append(d.GlobalTables, GlobalDescription{Topic: g.Topic, Key: g.Key, Value: g.Value})
	}
	for _, c := range p.made.CoPartitioned {
		d.CoPartitioned = append(d.CoPartitioned, c.Topics)
	}
	return d
}

func (p *Plan) describeNode(n *planNode) NodeDescription {
	d := n.details
	d.ID, d.Kind, d.Name = n.label(), n.kind, n.name
	for _, parent := range n.parents {
		d.From = append(d.From, parent.label())
	}
	if r := n.reader; r != nil {
		d.Topics, d.Timeless, d.Future = r.topics, r.timeless, flow.Duration(r.future)
		d.Key, d.Value = nameOf(n.key.serde), nameOf(n.value.serde)
		if r.ownTime {
			d.Time = "computed"
		}
		if r.pattern != nil {
			d.Topics, d.Pattern = nil, flow.PatternText(r.pattern)
		}
	}
	if w := n.writer; w != nil {
		d.Topics, d.Chosen = w.topics, w.chosen
		d.Key, d.Value = nameOf(w.key), nameOf(w.value)
	}
	if from := n.looks.table; from != nil {
		if !slices.Contains(n.parents, from) {
			d.From = append(d.From, from.label())
		}
	} else {
		for _, s := range n.stores {
			d.Stores = append(d.Stores, s.name)
		}
	}
	for i, g := range n.looks.global {
		if i > 0 {
			d.Global += " "
		}
		d.Global += g.name
	}
	if n.emits != nil && len(n.children) != 0 {
		d.Emit = n.emit.String()
	}
	return d
}

// label returns what a node is called in descriptions: kind and name.
func (n *node) label() string {
	if strings.HasPrefix(n.name, n.kind+"-") {
		return n.name
	}
	return n.kind + " " + n.name
}

// String returns the windows as descriptions show them.
func (w Windows) String() string {
	s := w.kind + " " + cmp.Or(flow.Duration(w.size), "0s")
	switch {
	case w.calendar():
		s = w.kind + " " + w.place()
	case w.kind == "hopping":
		s += " every " + flow.Duration(w.advance)
	case w.kind == "cumulating":
		s += " by " + flow.Duration(w.advance)
	}
	if w.offset != 0 {
		s += ", offset " + flow.Duration(w.begins())
	}
	if w.grace != 0 {
		s += ", grace " + flow.Duration(w.grace)
	}
	return s
}

// JSON returns the description as indented JSON.
func (d *Description) JSON() []byte {
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		// It holds strings and numbers: there is nothing that can fail.
		return []byte(fmt.Sprintf("%q", err.Error()))
	}
	return append(b, '\n')
}

// String returns the description as text, one node a line, in the order of declaration.
func (d *Description) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "topology %s", d.Topology)
	if d.Time != "" {
		fmt.Fprintf(&b, ", time %s", d.Time)
	}
	b.WriteByte('\n')
	for _, s := range d.SubTopologies {
		fmt.Fprintf(&b, "\nsub-topology %s\n", s.Name)
		for _, n := range s.Nodes {
			fmt.Fprintf(&b, "  %s%s\n", n.ID, n.details())
		}
		for _, st := range s.Stores {
			fmt.Fprintf(&b, "  store %s: %s, key %s, value %s", st.Name, st.Kind, st.Key, st.Value)
			if st.Retention != "" {
				fmt.Fprintf(&b, ", retention %s", st.Retention)
			}
			b.WriteByte('\n')
		}
	}
	if len(d.Repartitions) != 0 {
		b.WriteString("\nrepartition topics\n")
		for _, r := range d.Repartitions {
			fmt.Fprintf(&b, "  %s:", r.Name)
			if r.Partitions != 0 {
				fmt.Fprintf(&b, " %d partitions,", r.Partitions)
			}
			b.WriteString(" written by")
			for i, w := range r.Writers {
				if i > 0 {
					b.WriteByte(',')
				}
				fmt.Fprintf(&b, " %s", w.SubTopology)
				if w.Delay != "" {
					fmt.Fprintf(&b, " (delay %s)", w.Delay)
				}
			}
			b.WriteByte('\n')
		}
	}
	if len(d.GlobalTables) != 0 {
		b.WriteString("\nglobal tables\n")
		for _, g := range d.GlobalTables {
			fmt.Fprintf(&b, "  %s: key %s, value %s\n", g.Topic, g.Key, g.Value)
		}
	}
	if len(d.CoPartitioned) != 0 {
		b.WriteString("\nco-partitioned\n")
		for _, c := range d.CoPartitioned {
			fmt.Fprintf(&b, "  %s\n", strings.Join(c, ", "))
		}
	}
	return b.String()
}

// details returns what a line says of a node behind its name.
func (n *NodeDescription) details() string {
	var parts []string
	if n.Key != "" {
		if n.Pattern != "" {
			parts = append(parts, "topics /"+n.Pattern+"/")
		} else if len(n.Topics) > 1 {
			parts = append(parts, "topics "+strings.Join(n.Topics, " "))
		}
		parts = append(parts, "key "+n.Key, "value "+n.Value)
	}
	if n.Time != "" {
		parts = append(parts, "time "+n.Time)
	}
	if n.Timeless {
		parts = append(parts, "timeless")
	}
	if n.Future != "" {
		parts = append(parts, "max-future "+n.Future)
	}
	if n.Windows != "" {
		parts = append(parts, n.Windows)
	}
	if n.Global != "" {
		parts = append(parts, "global table "+n.Global)
	}
	if len(n.Stores) > 1 || len(n.Stores) == 1 && n.Stores[0] != n.Name {
		parts = append(parts, "stores "+strings.Join(n.Stores, " "))
	}
	if n.Within != "" {
		parts = append(parts, n.Within)
	}
	if n.Limit != 0 {
		parts = append(parts, fmt.Sprintf("at most %d", n.Limit))
	}
	if n.Calls != 0 {
		parts = append(parts, fmt.Sprintf("%d calls, timeout %s", n.Calls, n.Timeout))
	}
	if n.Fraction != 0 {
		parts = append(parts, fmt.Sprintf("fraction %v", n.Fraction))
	}
	if n.Emit != "" {
		parts = append(parts, "emit "+n.Emit)
	}
	if n.Until != "" {
		parts = append(parts, n.Until)
	}
	if n.Delay != "" {
		parts = append(parts, "delay "+n.Delay)
	}
	if n.Grace != "" {
		parts = append(parts, "grace "+n.Grace)
	}
	if n.Chosen {
		parts = append(parts, "partition chosen")
	}
	s := ""
	if len(parts) != 0 {
		s = ": " + strings.Join(parts, ", ")
	}
	if len(n.From) != 0 {
		s += " <- " + strings.Join(n.From, ", ")
	}
	return s
}
