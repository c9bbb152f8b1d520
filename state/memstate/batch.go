package memstate

import (
	"bytes"
	"fmt"

	"github.com/kolkstream/kolk/state"
)

type opKind uint8

const (
	opSet opKind = iota
	opDelete
	opDeleteRange
)

// op is one write of a batch. The tree keeps a and b: they are copies, made for it.
type op struct {
	kind opKind
	a, b []byte
}

type batch struct {
	db     *db
	ops    []op
	size   int
	err    error
	closed bool
}

func (b *batch) add(kind opKind, x, y []byte) {
	if b.closed {
		return
	}
	if len(x) == 0 && kind != opDeleteRange {
		b.err = fmt.Errorf("memstate: batch: %w", state.ErrEmptyKey)
		return
	}
	both := make([]byte, 0, len(x)+len(y))
	both = append(append(both, x...), y...)
	b.ops = append(b.ops, op{kind, both[:len(x):len(x)], both[len(x):]})
	b.size += len(both) + 8
}

func (b *batch) Set(key, value []byte) { b.add(opSet, key, value) }

func (b *batch) Delete(key []byte) { b.add(opDelete, key, nil) }

func (b *batch) DeleteRange(lo, hi []byte) {
	if bytes.Compare(lo, hi) < 0 {
		b.add(opDeleteRange, lo, hi)
	}
}

func (b *batch) Size() int { return b.size }

func (b *batch) Commit() error {
	if b.closed {
		return state.ErrClosed
	}
	err := b.err
	if err == nil {
		err = b.db.apply(b.ops, b.size)
	}
	clear(b.ops)
	b.ops, b.size, b.err = b.ops[:0], 0, nil
	return err
}

func (b *batch) Close() error {
	if b.closed {
		return state.ErrClosed
	}
	b.closed, b.ops = true, nil
	return nil
}
