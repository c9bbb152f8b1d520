package flow

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
	"strings"
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

// Add adds a part: its name, and what it is. Empty fields are left out.
func (c *Contract) Add(name string, fields ...string) {
	c.parts = append(c.parts, contractPart{name, slices.DeleteFunc(fields, func(f string) bool { return f == "" })})
}

// Sort brings the parts into the order of their names, after the last is added.
func (c *Contract) Sort() {
	slices.SortFunc(c.parts, func(a, b contractPart) int { return cmp.Compare(a.name, b.name) })
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
