package memstate

import (
	"bytes"
	"hash/maphash"
)

// node is a node of a treap: a search tree by key that is a heap by priority. The priority is a hash of the key, so the shape
// depends on the keys alone and is balanced. Trees share nodes: whoever changes one copies the nodes on the way, except those
// that it made itself, which carry its epoch and which nobody else has seen.
type node struct {
	key, value  []byte
	left, right *node
	priority    uint64
	epoch       uint64
}

// edit changes trees without changing those that others hold.
type edit struct {
	seed  maphash.Seed
	epoch uint64 // larger than the epochs of all trees that others hold
}

func (e edit) own(n *node) *node {
	if n.epoch == e.epoch {
		return n
	}
	c := *n
	c.epoch = e.epoch
	return &c
}

// set returns the tree with key set to value, both of which it keeps.
func (e edit) set(root *node, key, value []byte) *node {
	return e.insert(root, &node{key: key, value: value, priority: maphash.Bytes(e.seed, key), epoch: e.epoch})
}

func (e edit) insert(root, n *node) *node {
	if root == nil {
		return n
	}
	order := bytes.Compare(n.key, root.key)
	if order == 0 {
		root = e.own(root)
		root.value = n.value
		return root
	}
	if n.priority > root.priority {
		// The key cannot be below: a node's priority is a function of its key, and is not above that of its parents.
		n.left, n.right = e.split(root, n.key)
		return n
	}
	root = e.own(root)
	if order < 0 {
		root.left = e.insert(root.left, n)
	} else {
		root.right = e.insert(root.right, n)
	}
	return root
}

// split parts the tree into the keys below key and the others.
func (e edit) split(root *node, key []byte) (below, others *node) {
	if root == nil {
		return nil, nil
	}
	root = e.own(root)
	if bytes.Compare(root.key, key) < 0 {
		root.right, others = e.split(root.right, key)
		return root, others
	}
	below, root.left = e.split(root.left, key)
	return below, root
}

// join is the inverse of split.
func (e edit) join(below, others *node) *node {
	switch {
	case below == nil:
		return others
	case others == nil:
		return below
	case below.priority > others.priority:
		below = e.own(below)
		below.right = e.join(below.right, others)
		return below
	default:
		others = e.own(others)
		others.left = e.join(below, others.left)
		return others
	}
}

func (e edit) remove(root *node, key []byte) *node {
	if find(root, key) == nil {
		return root // nothing to copy
	}
	return e.cut(root, key)
}

// cut removes key, which is there.
func (e edit) cut(root *node, key []byte) *node {
	order := bytes.Compare(key, root.key)
	if order == 0 {
		return e.join(root.left, root.right)
	}
	root = e.own(root)
	if order < 0 {
		root.left = e.cut(root.left, key)
	} else {
		root.right = e.cut(root.right, key)
	}
	return root
}

// removeRange removes the keys in [lo, hi), which is not empty.
func (e edit) removeRange(root *node, lo, hi []byte) *node {
	below, rest := e.split(root, lo)
	_, above := e.split(rest, hi)
	return e.join(below, above)
}

func find(root *node, key []byte) *node {
	for root != nil {
		order := bytes.Compare(key, root.key)
		if order == 0 {
			return root
		}
		if order < 0 {
			root = root.left
		} else {
			root = root.right
		}
	}
	return nil
}

// walk calls fn for the keys in [lo, hi), a nil hi being no bound. more is false after fn returned false or an error.
func walk(root *node, lo, hi []byte, fn func(key, value []byte) (bool, error)) (more bool, err error) {
	if root == nil {
		return true, nil
	}
	below := bytes.Compare(root.key, lo) < 0
	if !below {
		if more, err = walk(root.left, lo, hi, fn); err != nil || !more {
			return more, err
		}
		if hi != nil && bytes.Compare(root.key, hi) >= 0 {
			return true, nil
		}
		if more, err = fn(root.key, root.value); err != nil || !more {
			return more, err
		}
	}
	return walk(root.right, lo, hi, fn)
}
