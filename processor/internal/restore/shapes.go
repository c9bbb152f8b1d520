package restore

import (
	"fmt"
	"strings"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/report"
)

// shapes checks that the task's stores are read as what they were written as, which the commit
// says, or else the database. It returns the texts of what they are.
//
// A store that is read differently begins empty if its changelog was made anew: then h has been
// reset.
func (o *Opener) shapes(h *Handle, sub *flow.SubTopology, committed []Committed) (texts map[string]string, anew map[string]bool, err error) {
	texts, anew = map[string]string{}, map[string]bool{}
	said := map[string]checkpoint.ChangelogEnd{}
	for _, c := range committed {
		for _, e := range c.Metadata.Changelogs {
			if have, ok := said[e.Store]; !ok || have.Offset < e.Offset {
				said[e.Store] = e
			}
		}
	}
	reset := false
	for _, s := range sub.Stores {
		if !s.Logged {
			continue
		}
		end, topic := said[s.Name], changelog.Name(o.App, s.Name)
		id := o.TopicID(topic)
		local := h.Checkpoint.Shape(s.Name)
		was := end.Shape
		differ := &report.StateDiffersError{Store: s.Name, Changelog: topic, Is: s.Shape.String()}
		switch {
		case was == "":
			was = local
		case checkpoint.IsShapeHash(was) && checkpoint.ShapeHash(local) == was:
			was = local
		case checkpoint.IsShapeHash(was) && checkpoint.ShapeHash(s.Shape.String()) == was:
			was = s.Shape.String()
		case checkpoint.IsShapeHash(was):
			return nil, nil, differ
		}
		if was == "" { // nobody knows, or there is no state
			continue
		}
		shape, err := flow.ParseShape(was)
		if err != nil {
			return nil, nil, fmt.Errorf("store %s: %w: %w", s.Name, checkpoint.ErrVersion, err)
		}
		differ.Differences = shape.Differences(s.Shape)
		pos, have := h.Checkpoint.Changelog(s.Name)
		switch {
		case differ.Differences == nil:
			texts[s.Name] = was
		case end.Store != "" && end.TopicID == id, end.Store == "" && (!have || pos.TopicID == id):
			return nil, nil, differ
		default:
			o.Pool.log.Warn("a store is read differently, and its changelog was made anew: it begins empty", "task", h.id, "store", s.Name, "differences", strings.Join(differ.Differences, ", "))
			anew[s.Name], reset = true, reset || have
		}
	}
	if reset {
		if err := o.Pool.Reset(h); err != nil {
			return nil, nil, err
		}
	}
	return texts, anew, nil
}

// hasEntries reports whether the database has anything of the store.
func hasEntries(h *Handle, store string) (found bool, err error) {
	prefix, err := h.Checkpoint.Prefix(store)
	if err != nil {
		return false, err
	}
	lo, hi := []byte{byte(prefix >> 8), byte(prefix)}, []byte{byte((prefix + 1) >> 8), byte(prefix + 1)}
	err = h.DB.Scan(lo, hi, func(_, _ []byte) (bool, error) { found = true; return false, nil })
	return found, err
}

// left mentions, once in the life of the process, the stores of a task that the plan does not have
// any more.
func (o *Opener) left(h *Handle, committed []Committed) {
	names := h.Checkpoint.Stores()
	for _, c := range committed {
		for _, e := range c.Metadata.Changelogs {
			names = append(names, e.Store)
		}
	}
	for _, name := range names {
		if !o.Stores[name] && o.Pool.mention(name) {
			o.Pool.log.Info("the plan does not have a store any more: its state is left as it is, and can be deleted with its changelog", "store", name, "changelog", changelog.Name(o.App, name))
		}
	}
}

// Stores returns the names of all stores of a plan.
func Stores(plan *flow.Plan) map[string]bool {
	names := map[string]bool{}
	for _, sub := range plan.SubTopologies {
		for _, s := range sub.Stores {
			names[s.Name] = true
		}
	}
	return names
}
