package memstate

import (
	"bytes"

	"github.com/tidwall/btree"
)

// tree is one state of a database: immutable, once it is one that others see. Trees share what they
// have in common.
type tree struct {
	rows  *btree.BTreeG[row]
	bytes int64 // committed so far: grows with each batch
}

type row struct{ key, value []byte }

func newTree() *tree {
	less := func(a, b row) bool { return bytes.Compare(a.key, b.key) < 0 }
	// Readers never meet a writer, which has a copy of its own. Many batches are of a few keys, and
	// each copies the nodes on its way: so nodes are small.
	return &tree{rows: btree.NewBTreeGOptions(less, btree.Options{Degree: 8, NoLocks: true})}
}

// apply returns the tree after the operations, which it keeps. It is called by one goroutine at a
// time.
func (t *tree) apply(ops []op, size int) *tree {
	rows := t.rows.Copy()
	for _, o := range ops {
		switch o.kind {
		case opSet:
			rows.Set(row{o.a, o.b})
		case opDelete:
			if _, found := rows.Get(row{key: o.a}); found { // else there is nothing to copy
				rows.Delete(row{key: o.a})
			}
		case opDeleteRange:
			rows.DeleteRange(row{key: o.a}, row{key: o.b}, &btree.DeleteRangeOptions{NoReturn: true})
		}
	}
	return &tree{rows: rows, bytes: t.bytes + int64(size)}
}

// get appends the value of key to dst.
func (t *tree) get(dst, key []byte) ([]byte, bool, error) {
	r, found := t.rows.Get(row{key: key})
	if !found {
		return dst, false, nil
	}
	return append(dst, r.value...), true, nil
}

// scan calls fn for the keys in [lo, hi), a nil hi being no bound, until it returns false or an
// error.
func (t *tree) scan(lo, hi []byte, fn func(key, value []byte) (bool, error)) (err error) {
	t.rows.Ascend(row{key: lo}, func(r row) bool {
		if hi != nil && bytes.Compare(r.key, hi) >= 0 {
			return false
		}
		var more bool
		more, err = fn(r.key, r.value)
		return more && err == nil
	})
	return err
}
