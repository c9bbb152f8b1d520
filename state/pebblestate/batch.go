package pebblestate

import (
	"bytes"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/kolkstream/kolk/state"
)

// batch is a Pebble batch that keeps the first error of its writes for Commit.
type batch struct {
	d      *db
	p      *pebble.Batch
	err    error
	closed bool
}

// check says whether key may be written.
func (b *batch) check(key []byte) bool {
	if len(key) == 0 && b.err == nil {
		b.err = state.ErrEmptyKey
	}
	return !b.closed && b.err == nil
}

func (b *batch) Set(key, value []byte) {
	if b.check(key) {
		b.err = b.p.Set(key, value, nil)
	}
}

func (b *batch) Delete(key []byte) {
	if b.check(key) {
		b.err = b.p.Delete(key, nil)
	}
}

func (b *batch) DeleteRange(lo, hi []byte) {
	if lo = lowest(lo); !b.closed && b.err == nil && bytes.Compare(lo, hi) < 0 {
		b.err = b.p.DeleteRange(lo, hi, nil)
	}
}

func (b *batch) Size() int {
	if b.closed {
		return 0
	}
	return b.p.Len()
}

func (b *batch) Commit() error {
	if b.closed || b.d.closed.Load() {
		return state.ErrClosed
	}
	err := b.err
	if err != nil {
		err = fmt.Errorf("pebblestate: batch: %w", err)
	} else if !b.p.Empty() {
		err = b.d.commit(b.p)
	}
	b.err = nil
	b.p.Reset()
	return err
}

func (b *batch) Close() error {
	if b.closed {
		return state.ErrClosed
	}
	b.closed = true
	if err := b.p.Close(); err != nil {
		return fmt.Errorf("pebblestate: batch: %w", err)
	}
	return nil
}
