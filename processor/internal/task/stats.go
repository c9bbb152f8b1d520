package task

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/topology"
)

// Stats counts what tasks have committed: work that was aborted and done again counts once. Any
// number of tasks may share one. It is safe for concurrent use; the zero value is ready.
type Stats struct {
	mu sync.Mutex
	counts
	drops   map[dropKey]int64
	tallies map[tallyKey]int64
}

// counts are the plain counters, in a task for its transaction and in Stats for good.
type counts struct {
	in, repartitionIn, out, repartitionOut, changes, announced, punctuations, commits int64
}

func (c *counts) add(o counts) {
	c.in += o.in
	c.repartitionIn += o.repartitionIn
	c.out += o.out
	c.repartitionOut += o.repartitionOut
	c.changes += o.changes
	c.announced += o.announced
	c.punctuations += o.punctuations
	c.commits += o.commits
}

type dropKey struct {
	node   string
	reason topology.Reason
}

type tallyKey struct {
	node string
	what topology.Tally
}

// Snapshot returns the counters as they stand. They belong to one and the same set of commits.
func (s *Stats) Snapshot() report.Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	snap := report.Counts{In: s.in, RepartitionIn: s.repartitionIn, Out: s.out, RepartitionOut: s.repartitionOut, Changes: s.changes,
		Announced: s.announced, Punctuations: s.punctuations, Commits: s.commits}
	for _, k := range slices.SortedFunc(maps.Keys(s.drops), func(a, b dropKey) int {
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.reason, b.reason))
	}) {
		snap.Dropped = append(snap.Dropped, report.Dropped{Node: k.node, Reason: k.reason, Count: s.drops[k]})
		if k.reason == topology.LateRecord {
			snap.Late += s.drops[k]
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(s.tallies), func(a, b tallyKey) int {
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.what, b.what))
	}) {
		snap.Tallies = append(snap.Tallies, report.Tallied{Node: k.node, What: k.what, Count: s.tallies[k]})
		if k.what == topology.LateWindows {
			snap.LateWindows += s.tallies[k]
		}
	}
	return snap
}

// counters are what a task has counted in its transaction. What operators count with pointers stays
// in its place.
type counters struct {
	counts
	drops   map[dropKey]*int64
	tallies map[tallyKey]*int64
	to      *Stats // gets what is committed
}

func newCounters(to *Stats) counters {
	return counters{drops: map[dropKey]*int64{}, tallies: map[tallyKey]*int64{}, to: to}
}

// drop counts a record that a node did not pass on.
func (c *counters) drop(node string, reason topology.Reason) {
	*at(c.drops, dropKey{node, reason})++
}

// tally returns the counter of a node for something.
func (c *counters) tally(node string, what topology.Tally) *int64 {
	return at(c.tallies, tallyKey{node, what})
}

// at returns the counter for k, which it makes.
func at[K comparable](m map[K]*int64, k K) *int64 {
	n := m[k]
	if n == nil {
		n = new(int64)
		m[k] = n
	}
	return n
}

// commit adds what was counted to that of all, and begins at zero.
func (c *counters) commit() {
	c.commits++
	c.to.mu.Lock()
	c.to.add(c.counts)
	c.to.drops = sum(c.to.drops, c.drops)
	c.to.tallies = sum(c.to.tallies, c.tallies)
	c.to.mu.Unlock()
	c.reset()
}

// reset begins at zero.
func (c *counters) reset() {
	c.counts = counts{}
	for _, n := range c.drops {
		*n = 0
	}
	for _, n := range c.tallies {
		*n = 0
	}
}

// sum adds counters of a transaction to those of all.
func sum[K comparable](all map[K]int64, more map[K]*int64) map[K]int64 {
	for k, n := range more {
		if *n == 0 {
			continue
		}
		if all == nil {
			all = map[K]int64{}
		}
		all[k] += *n
	}
	return all
}
