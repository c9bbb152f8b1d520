package restore

import (
	"slices"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/report"
)

// Stateful returns the sub-topologies whose input must not be processed twice: those with state,
// and those that write repartition topics which lead to some. How far time has got is no state:
// nothing is counted with it.
func Stateful(plan *flow.Plan) map[string]bool {
	stateful := map[string]bool{}
	for again := true; again; {
		again = false
		for _, sub := range plan.SubTopologies {
			if !stateful[sub.Name] && (hasState(sub) || leads(plan, sub, stateful)) {
				stateful[sub.Name], again = true, true
			}
		}
	}
	return stateful
}

func hasState(sub *flow.SubTopology) bool {
	for _, s := range sub.Stores {
		if s.Logged && s.Name != sub.TimeStore {
			return true
		}
	}
	return false
}

// leads reports whether sub writes a repartition topic that one of some reads.
func leads(plan *flow.Plan, sub *flow.SubTopology, some map[string]bool) bool {
	for _, s := range sub.Sinks {
		for _, to := range plan.SubTopologies {
			for _, in := range to.Inputs {
				if s.Repartition && in.Repartition && s.Topic == in.Topic && some[to.Name] {
					return true
				}
			}
		}
	}
	return false
}

// changelogEnd is what the group's commit says of a changelog.
type changelogEnd struct {
	checkpoint.ChangelogEnd
	// complete: the changelog has no committed records from there on, if offsets and state belong
	// together. -1: it may.
	complete int64
	// the offset of another program for which complete is the end of what the database has
	foreign *Committed
	left    bool // the last commit was of a plan without the store
}

// ends collects where the changelogs of the task's logged stores end. Transactions append to
// changelogs together with the offsets, so records beyond the end that was committed with the
// offsets are of input that the group believes to be ahead.
//
// The offset of another program comes without an end. Whether it lies behind what the state has
// seen only the database can say, and only if the changelogs have nothing more. An input that the
// database does not know is new, if there are others that it does.
func (o *Opener) ends(h *Handle, sub *flow.SubTopology, committed []Committed) (map[string]changelogEnd, error) {
	ours := slices.ContainsFunc(committed, func(c Committed) bool { return c.Offset >= 0 && !c.Foreign })
	ends := map[string]changelogEnd{}
	for _, s := range sub.Stores {
		ends[s.Name] = changelogEnd{complete: -1}
	}
	for _, c := range committed {
		for _, e := range c.Metadata.Changelogs {
			if have := ends[e.Store]; have.Store != "" && have.Offset >= e.Offset {
				continue
			}
			end := changelogEnd{ChangelogEnd: e, complete: -1}
			if c.Metadata.TransactionalID != "" && !o.AtLeastOnce {
				end.complete = e.Offset
			}
			ends[e.Store] = end
		}
	}
	for _, c := range committed {
		if _, known := h.Checkpoint.Input(c.Topic); !c.Foreign || ours && !known || o.AtLeastOnce {
			continue
		}
		for _, s := range sub.Stores {
			end := ends[s.Name]
			pos, _ := h.Checkpoint.Changelog(s.Name)
			end.complete, end.foreign = pos.Offset, &c
			ends[s.Name] = end
		}
	}
	return ends, o.leftBehind(h, sub, committed, ends)
}

// leftBehind marks the stores that the last commit did not have: their changelogs have nothing if
// they are new to the plan, and belong to earlier offsets if they are not.
func (o *Opener) leftBehind(h *Handle, sub *flow.SubTopology, committed []Committed, ends map[string]changelogEnd) error {
	said := false
	for _, c := range committed {
		if c.Foreign || o.AtLeastOnce || c.Offset >= 0 && c.Metadata.TransactionalID == "" {
			return nil // there may be more than was said
		}
		said = said || c.Metadata.Changelogs != nil
	}
	if !said {
		return nil
	}
	for _, s := range sub.Stores {
		if ends[s.Name].Store != "" || !s.Logged {
			continue
		}
		// Nothing is restored of what the database has already.
		if has, err := hasEntries(h, s.Name); err != nil {
			return err
		} else if has {
			return &report.StateLeftBehindError{Store: s.Name, Changelog: changelog.Name(o.App, s.Name)}
		}
		ends[s.Name] = changelogEnd{complete: 0, left: true}
	}
	return nil
}

// joined reports whether the database has seen none of the inputs, and patterns have found them:
// the topics that the task had before are gone, and their offsets with them.
func (h *Handle) joined(sub *flow.SubTopology, committed []Committed) bool {
	return h.Checkpoint.Seq() > 0 && !slices.ContainsFunc(committed, func(c Committed) bool {
		_, known := h.Checkpoint.Input(c.Topic)
		return known || !slices.ContainsFunc(sub.Inputs, func(in flow.Input) bool { return in.Topic == c.Topic && in.Of != "" })
	})
}

// checkEnd refuses a record that is beyond the end.
func (o *Opener) checkEnd(h *Handle, end changelogEnd, store, topic string, partition int32, last int64) error {
	put := &report.OffsetsPutBackError{App: o.App, Task: h.id, Topic: topic, Partition: partition, Committed: end.Offset, Seen: last + 1, Changelog: true}
	switch c := end.foreign; {
	case end.complete < 0 || last < end.complete:
		return nil
	case end.left:
		return &report.StateLeftBehindError{Store: store, Changelog: topic}
	case c != nil:
		put.Topic, put.Partition, put.Committed, put.Seen, put.Changelog = c.Topic, c.Partition, c.Offset, -1, false
	}
	return put
}

// checkOffsets compares where the task is to go on with what its database has seen, which is never
// more than the group has committed: every commit reaches the group first.
//
// An offset of another program may also lie ahead. Records are skipped on purpose then, which takes
// no more than a warning.
func (o *Opener) checkOffsets(h *Handle, committed []Committed) error {
	for _, c := range committed {
		seen, known := h.Checkpoint.Input(c.Topic)
		switch {
		case known && c.Offset >= 0 && c.Offset < seen:
			return &report.OffsetsPutBackError{App: o.App, Task: h.id, Topic: c.Topic, Partition: c.Partition, Committed: c.Offset, Seen: seen}
		case known && c.Offset < 0 && c.Start < seen:
			// A topic that was made anew has no offsets, and other records.
			o.Pool.log.Warn("an input has no committed offset any more: it is read from its start", "task", h.id, "topic", c.Topic, "start", c.Start, "had been read up to", seen)
		case c.Foreign && known && c.Offset > seen:
			o.Pool.log.Warn("another program has set an offset: records of the input are skipped", "task", h.id, "topic", c.Topic, "from", seen, "to", c.Offset)
		case c.Foreign && !known:
			o.Pool.log.Info("another program has set an offset", "task", h.id, "topic", c.Topic, "offset", c.Offset)
		}
	}
	return nil
}
