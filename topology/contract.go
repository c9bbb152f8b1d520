package topology

import (
	"bytes"
	"cmp"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// Contract is what the instances that share the tasks of an application must agree in, of their
// plans: sub-topologies and what they read, repartition topics and what is written to them, stores
// and what they are, time, and global tables. Nodes without state, names of nodes, and output
// topics may differ: such instances can take over each other's tasks.
//
// It is a value of text, for people and for comparison, and is safe for concurrent use.
type Contract struct{ parts []contractPart } // by name

// contractPart is one thing: its name, as "store delays", and what it is.
type contractPart struct {
	name   string
	fields []string
}

// Contract returns what instances that run the plan must agree in with others of their group.
func (p *Plan) Contract() Contract {
	var c Contract
	add := func(name string, fields ...string) {
		c.parts = append(c.parts, contractPart{name, slices.DeleteFunc(fields, func(f string) bool { return f == "" })})
	}
	for i, s := range p.subs {
		for _, in := range s.Inputs {
			if in.Repartition {
				add("repartition topic "+in.Topic, p.repartitionContract(in.Topic, s.Name)...)
				continue
			}
			add("source "+in.Topic, "in sub-topology "+s.Name, where(in.Timeless, "timeless"), where(p.ownTime(in.Topic), "time of its own"))
		}
		for _, st := range s.Stores {
			sh := st.Shape
			windows := ""
			if sh.Size != 0 {
				windows = "windows of " + duration(sh.Size)
				if sh.Advance != sh.Size {
					windows += " every " + duration(sh.Advance)
				}
			}
			add("store "+st.Name, sh.Role, "in sub-topology "+s.Name, windows, where(st.Retention != 0, "retention "+duration(st.Retention)),
				"key "+word(sh.Key), "value "+word(sh.Value), where(sh.Columns != "", "columns "+sh.Columns), where(sh.Format != 1, "format "+strconv.Itoa(sh.Format)),
				where(p.final(i, st.Name), "final results"))
		}
	}
	for _, g := range p.globals {
		add("global table "+g.Topic, "key "+word(g.Key), "value "+word(g.Value))
	}
	slices.SortFunc(c.parts, func(a, b contractPart) int { return cmp.Compare(a.name, b.name) })
	return c
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
	for _, r := range p.repartitions {
		if r.Name != topic {
			continue
		}
		fields = append(fields, where(r.Partitions != 0, strconv.Itoa(int(r.Partitions))+" partitions"))
		for _, w := range r.Writers {
			fields = append(fields, "written by "+w.SubTopology+where(w.Delay != 0, " with delay "+duration(w.Delay)))
		}
	}
	for _, n := range p.nodes {
		if w := n.writer; w != nil && w.repartition != nil && w.topic == topic {
			fields = append(fields, "key "+word(nameOf(w.key)), "value "+word(nameOf(w.value)))
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

// String returns the contract as text, a part a line.
func (c Contract) String() string {
	var b strings.Builder
	for _, p := range c.parts {
		b.WriteString(p.name + ": " + strings.Join(p.fields, "; ") + "\n")
	}
	return b.String()
}

// Fingerprint returns a short text that is the same for equal contracts.
func (c Contract) Fingerprint() string {
	sum := sha256.Sum256([]byte(c.String()))
	return hex.EncodeToString(sum[:8])
}

// mostContract is how long the text of a contract may be, when it is read.
const mostContract = 1 << 20

// Pack returns the contract as bytes, compressed: about a tenth of its text where that is long.
func (c Contract) Pack() []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err == nil {
		_, err = io.WriteString(w, c.String())
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return nil // it is written to memory: there is nothing that can fail
	}
	return b.Bytes()
}

// errContract marks errors of [UnpackContract].
var errContract = errors.New("topology: this is no contract of a plan")

// UnpackContract is the inverse of [Contract.Pack].
func UnpackContract(packed []byte) (Contract, error) {
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), mostContract+1))
	if err != nil {
		return Contract{}, fmt.Errorf("%w: %w", errContract, err)
	}
	if len(text) > mostContract {
		return Contract{}, fmt.Errorf("%w: it is too long", errContract)
	}
	var c Contract
	for line := range strings.Lines(string(text)) {
		name, fields, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if !ok {
			return Contract{}, fmt.Errorf("%w: line %q", errContract, line)
		}
		c.parts = append(c.parts, contractPart{name, strings.Split(fields, "; ")})
	}
	return c, nil
}

// Differences returns in what a plan does not fit a group that runs another one, as "store delays:
// windows of 10m, the group has windows of 5m", in the order of names; nothing if it fits.
func (c Contract) Differences(group Contract) []string {
	var d []string
	for _, p := range c.parts {
		other, ok := group.part(p.name)
		if !ok {
			d = append(d, p.name+": the group does not have it")
			continue
		}
		here, there := without(p.fields, other.fields), without(other.fields, p.fields)
		switch {
		case len(here) == 0 && len(there) == 0:
		case len(there) == 0:
			d = append(d, fmt.Sprintf("%s: %s, the group does not", p.name, strings.Join(here, ", ")))
		case len(here) == 0:
			d = append(d, fmt.Sprintf("%s: the group has %s", p.name, strings.Join(there, ", ")))
		default:
			d = append(d, fmt.Sprintf("%s: %s, the group has %s", p.name, strings.Join(here, ", "), strings.Join(there, ", ")))
		}
	}
	for _, p := range group.parts {
		if _, ok := c.part(p.name); !ok {
			d = append(d, p.name+": missing, the group has it")
		}
	}
	slices.Sort(d)
	return d
}

func (c Contract) part(name string) (contractPart, bool) {
	i, ok := slices.BinarySearchFunc(c.parts, name, func(p contractPart, name string) int { return cmp.Compare(p.name, name) })
	if !ok {
		return contractPart{}, false
	}
	return c.parts[i], true
}

// without returns the fields that are not among others.
func without(fields, others []string) (rest []string) {
	for _, f := range fields {
		if !slices.Contains(others, f) {
			rest = append(rest, f)
		}
	}
	return rest
}
