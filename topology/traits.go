package topology

import (
	"regexp"
	"slices"
	"time"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// traits are what Build, cut, the order of time, co-partitioning and descriptions have to know of a
// node. These go by traits alone: what kind of operator it is, they do not ask.
type traits struct {
	reader *sourceDecl  // reads topics
	writer *sinkDecl    // writes topics
	stores []*storeDecl // works on stores: that of another node, if it looks that up
	// partitioned says that the stores are by key: what reaches them, here or in another node, has
	// to be co-partitioned.
	partitioned bool
	looks       lookup       // looks keys up in what others keep
	emits       *emitDecl    // chooses when it forwards what it has; nil: it has no choice
	history     *historyDecl // of a table that may have one
	timed       bool         // acts by time
	holdsBack   bool         // forwards what is not forwarded at once at the commit
	orders      bool         // begins a line: what lies behind goes by the time of what it hands on
	calls       bool         // calls a function ahead of the records
	remembers   bool         // goes by the time of records, and so takes none that have none
	placed      bool         // wants to know where records stand
	holds       hold         // sends what it gets later, in event time
	atCommit    bool         // sends what time makes at the commit
	suppresses  *Suppression // holds back the updates of a table
	races       bool         // what it sends depends on which of its inputs is read first
	discarded   bool         // it is meant that nothing reads it
	result      bool         // its state is a result: nothing has to read what it forwards
	beside      bool         // is what its parent sends beside its output, and does not read that
	// keys are the serdes of the keys of two inputs that meet by key.
	keys [2]anySerde
	// grace is how long the records of a join wait, nil if they do not.
	grace *time.Duration
	// details are what a description says of the node beside what follows from the other traits.
	details NodeDescription
}

// sourceDecl are the topics of a source.
type sourceDecl struct {
	topics   []string
	internal bool // a repartition topic
	timeless bool
	future   time.Duration  // how far ahead records may be, 0 for any
	ownTime  bool           // event time is computed
	pattern  *regexp.Regexp // of the topics that it stands for; topics is its name then
}

// reads reports whether the source reads a topic.
func (d *sourceDecl) reads(topic string) bool {
	if d.pattern != nil {
		return d.pattern.MatchString(topic)
	}
	return slices.Contains(d.topics, topic)
}

// topics returns the topics that a node reads; the name of a pattern stands for its topics.
func (t *traits) topics() []string {
	if t.reader == nil {
		return nil
	}
	return t.reader.topics
}

// lookup is what a node looks keys up in: a table or a global table.
type lookup struct {
	table  *node
	key    anySerde // of the table
	global []*globalDecl
}

// emitDecl is when a node forwards what it has.
type emitDecl struct {
	when ops.Emit
	at   string // where it was said; "": it was not
}

// hold is by how much event time a node sends what it gets later.
type hold struct {
	by time.Duration
	// final says that it does so only if it emits final results.
	final bool
}

// of returns by how much the node holds records back in a plan.
func (h hold) of(p *planNode) time.Duration {
	if h.final && p.emit != ops.EmitFinal {
		return 0
	}
	return h.by
}
