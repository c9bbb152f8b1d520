package topology

import (
	"strconv"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology/internal/stores"
)

// node is an operator as it was declared: where it stands, what it does with keys and values, what
// a plan has to know of it, and how it is built.
type node struct {
	t       *Topology
	id      int // nodes are declared after their parents
	kind    string
	name    string
	at      string
	parents []*node

	reads reads
	// What the node's output is like.
	key, value output
	// rekeyed is the node behind which records may have another key than the one their partition
	// was chosen by, nil if none.
	rekeyed *node
	// perhaps says of a node that others call rekeyed that it may leave keys as they are.
	perhaps bool
	// chosen says of a node that others call rekeyed that it leaves keys as they are, and that it
	// is a function of the user that has chosen the partitions.
	chosen bool

	traits

	build func(at site) error // set by link, and by sources
}

// reads is what a node looks at, of its input.
type reads struct {
	key, value bool // typed
	// The bytes of the key (value), if they are written by this serde; the typed key (value)
	// otherwise.
	wantKey, wantValue anySerde
}

// output says where the key or value of a node's output comes from.
type output struct {
	kept  bool     // it is the input's
	serde anySerde // not nil: its bytes come along, written by this
	// live, if not nil, decides at Build whether the bytes come along.
	live func(p *planNode) bool
	// passed says that it is the input's if every update is forwarded at once.
	passed bool
}

// kept is the output of a node that leaves its input as it is.
var kept = output{kept: true}

// sinkDecl are the output topics of a node.
type sinkDecl struct {
	topics      []string
	key, value  anySerde
	repartition *repartitionDecl
	chosen      bool // a function chooses the partition of a record
}

// repartitionDecl is a repartition topic.
type repartitionDecl struct {
	name       string
	partitions int32
	at         string
	source     *node
}

// storeDecl is a store.
type storeDecl struct {
	name       string
	at         string
	kind       flow.StoreKind
	role       string   // as in Shape
	windows    *Windows // of a window store
	timestamps bool
	retention  time.Duration
	marked     bool          // as in StoreSpec
	kept       bool          // as in StoreSpec
	segment    time.Duration // of the buffer of a join
	key, value anySerde
	rows       perGraph[*stores.Rows] // of a window or session store of processors
}

// globalDecl is a global table.
type globalDecl struct {
	name, topic string
	at          string
	key, value  anySerde
	t           *Topology
}

// add adds a node. A stateless one has no name of its own and gets one.
func (t *Topology) add(kind, name, at string, parents ...*node) *node {
	if name == "" {
		t.counts[kind]++
		name = kind + "-" + strconv.Itoa(t.counts[kind])
	}
	n := &node{t: t, id: len(t.nodes), kind: kind, name: name, at: at, parents: parents, key: kept, value: kept}
	for _, p := range parents {
		if n.rekeyed == nil {
			n.rekeyed = p.rekeyed
		}
	}
	t.nodes = append(t.nodes, n)
	return n
}

// claim checks the name that the author gave to an operator and makes sure that it is the only one.
func (t *Topology) claim(kind, name, at string) {
	if err := flow.CheckName(name); err != nil {
		mistakef(t, at, name, "the name of this %s %s", kind, err)
		return
	}
	if first, ok := t.names[name]; ok {
		mistakef(t, at, name, "this name is taken by %s: names of stores, joins, groupings and processors are unique, give this %s another one", first, kind)
		return
	}
	t.names[name] = "the " + kind + " at " + at
}

// addStore declares a store of a name that has been claimed.
func (t *Topology) addStore(s *storeDecl) *storeDecl {
	if _, ok := t.stores[s.name]; !ok {
		t.stores[s.name] = s
		t.storeIDs = append(t.storeIDs, s)
	}
	return s
}

// need checks that a user's function is there.
func (n *node) need(what string, missing bool) {
	if missing {
		mistakef(n.t, n.at, n.name, "%s is nil: give a function", what)
	}
}
