package main

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/google/pprof/profile"
)

// node is a function, called by its parent.
type node struct {
	name     string // with its package's path
	value    int64
	children map[string]*node
}

func (n *node) child(name string) *node {
	c := n.children[name]
	if c == nil {
		c = &node{name: name, children: map[string]*node{}}
		n.children[name] = c
	}
	return c
}

// readProfile adds up the samples of a profile as the runtime writes it: the last value of a sample
// is what counts, which is CPU time.
func readProfile(in io.Reader) (*node, error) {
	p, err := profile.Parse(in)
	if err != nil {
		return nil, err
	}
	if len(p.SampleType) == 0 {
		return nil, errors.New("a profile without values")
	}
	root := &node{children: map[string]*node{}}
	for _, s := range p.Sample {
		at, value := root, s.Value[len(s.Value)-1]
		at.value += value
		for _, l := range slices.Backward(s.Location) { // the leaf is the first one
			for _, line := range slices.Backward(l.Line) { // and so is what was inlined
				name := ""
				if line.Function != nil {
					name = plain(line.Function.Name)
				}
				at = at.child(name)
				at.value += value
			}
		}
	}
	return root, nil
}

// plain is a function's name without type arguments.
func plain(name string) string {
	for {
		i := strings.Index(name, "[")
		if i < 0 {
			return name
		}
		depth, j := 0, i
		for ; j < len(name); j++ {
			if name[j] == '[' {
				depth++
			} else if name[j] == ']' {
				if depth--; depth == 0 {
					break
				}
			}
		}
		if j == len(name) {
			return name
		}
		name = name[:i] + name[j+1:]
	}
}
