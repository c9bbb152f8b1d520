package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

// profile is what a picture needs of a pprof file.
type profile struct {
	strings   []string
	functions map[uint64]uint64   // id: name
	locations map[uint64][]uint64 // id: functions, the innermost first
	samples   []sample
}

type sample struct {
	locations []uint64 // the leaf first
	value     int64
}

var errMalformed = errors.New("not a profile")

// fields calls fn for each field of a protocol buffers message: with its number, and either the varint or the bytes.
func fields(b []byte, fn func(field int, n uint64, data []byte) error) error {
	for len(b) > 0 {
		tag, k := binary.Uvarint(b)
		if k <= 0 {
			return errMalformed
		}
		b = b[k:]
		var n uint64
		var data []byte
		switch tag & 7 {
		case 0:
			if n, k = binary.Uvarint(b); k <= 0 {
				return errMalformed
			}
			b = b[k:]
		case 2:
			size, k := binary.Uvarint(b)
			if k <= 0 || size > uint64(len(b)-k) {
				return errMalformed
			}
			data, b = b[k:k+int(size)], b[k+int(size):]
		default:
			return errMalformed // pprof has no others
		}
		if err := fn(int(tag>>3), n, data); err != nil {
			return err
		}
	}
	return nil
}

// numbers appends a repeated number, packed or not.
func numbers(to []uint64, n uint64, packed []byte) ([]uint64, error) {
	if packed == nil {
		return append(to, n), nil
	}
	for len(packed) > 0 {
		n, k := binary.Uvarint(packed)
		if k <= 0 {
			return nil, errMalformed
		}
		to, packed = append(to, n), packed[k:]
	}
	return to, nil
}

// parseProfile reads a profile as the runtime writes it: the last value of a sample is what counts, which is CPU time.
func parseProfile(b []byte) (*profile, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if b, err = io.ReadAll(z); err != nil {
		return nil, err
	}
	p := &profile{functions: map[uint64]uint64{}, locations: map[uint64][]uint64{}}
	return p, fields(b, func(field int, _ uint64, data []byte) error {
		switch field {
		case 2:
			return p.sample(data)
		case 4:
			return p.location(data)
		case 5:
			return p.function(data)
		case 6:
			p.strings = append(p.strings, string(data))
		}
		return nil
	})
}

func (p *profile) sample(b []byte) error {
	var s sample
	var values []uint64
	err := fields(b, func(field int, n uint64, data []byte) (err error) {
		switch field {
		case 1:
			s.locations, err = numbers(s.locations, n, data)
		case 2:
			values, err = numbers(values, n, data)
		}
		return err
	})
	if err == nil && len(values) > 0 {
		s.value = int64(values[len(values)-1])
		p.samples = append(p.samples, s)
	}
	return err
}

func (p *profile) location(b []byte) error {
	var id uint64
	var functions []uint64
	err := fields(b, func(field int, n uint64, data []byte) error {
		switch field {
		case 1:
			id = n
		case 4: // a line
			return fields(data, func(field int, n uint64, _ []byte) error {
				if field == 1 {
					functions = append(functions, n)
				}
				return nil
			})
		}
		return nil
	})
	p.locations[id] = functions
	return err
}

func (p *profile) function(b []byte) error {
	var id, name uint64
	err := fields(b, func(field int, n uint64, _ []byte) error {
		switch field {
		case 1:
			id = n
		case 2:
			name = n
		}
		return nil
	})
	p.functions[id] = name
	return err
}

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

// tree adds up the samples.
func (p *profile) tree() *node {
	root := &node{children: map[string]*node{}}
	for _, s := range p.samples {
		at := root
		at.value += s.value
		for i := len(s.locations) - 1; i >= 0; i-- {
			functions := p.locations[s.locations[i]]
			for j := len(functions) - 1; j >= 0; j-- {
				name := ""
				if k := p.functions[functions[j]]; k < uint64(len(p.strings)) {
					name = p.strings[k]
				}
				at = at.child(plain(name))
				at.value += s.value
			}
		}
	}
	return root
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
