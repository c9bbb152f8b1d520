package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/processor/internal/cluster"
)

// A log may end in offsets that no record has: compaction has removed what was there, or the broker
// keeps them for itself. The client tells of records only, so it looks as if there were more to
// come: a bounded run would not end, other inputs would wait. Where an input has lacked records for
// a while, the process's restorer, which knows positions, is asked what is there.

const (
	// holeAfter is how long an input lacks records before it is asked for them, which is longer
	// than a broker takes that has some.
	holeAfter = time.Second
	// holeLook is how often inputs are looked at.
	holeLook = 250 * time.Millisecond
)

// holes finds the offsets without records that inputs wait for. It belongs to the session's
// goroutine.
type holes struct {
	restorer *changelog.Restorer
	view     *cluster.View
	log      *slog.Logger
	errands  *errands

	looked time.Time
	found  inbox[hole]
}

// hole says that an input has no records from one offset to another.
type hole struct {
	r        *running
	topic    string
	from, to int64
}

// lack is since when an input has lacked records at a position.
type lack struct {
	pos    int64
	since  time.Time
	asking bool
}

// look has the tasks pass over what was found since the last time, and asks for inputs that lack
// records.
func (h *holes) look(tasks *roster, now time.Time) {
	for f, ok := h.found.next(); ok; f, ok = h.found.next() {
		if !tasks.has(f.r) { // given up meanwhile
			continue
		}
		delete(f.r.lacks, f.topic)
		f.r.task.Pass(f.topic, f.from, f.to)
	}
	if now.Sub(h.looked) < holeLook {
		return
	}
	h.looked = now
	for _, r := range tasks.all {
		if r.halted {
			continue
		}
		r.task.Lacking(func(topic string, pos int64) {
			if r.lack(topic, pos, now) {
				h.ask(r, topic, pos)
			}
		})
	}
}

// lack notes that an input has nothing at its position, and reports whether it is time to ask for
// it.
func (r *running) lack(topic string, pos int64, now time.Time) bool {
	l := r.lacks[topic]
	switch {
	case l.asking:
		return false
	case l.pos != pos || l.since.IsZero() || r.paused[topic]:
		l = lack{pos: pos, since: now}
	case now.Sub(l.since) < holeAfter:
		return false
	default:
		l.asking = true
	}
	if r.lacks == nil {
		r.lacks = map[string]lack{}
	}
	r.lacks[topic] = l
	return l.asking
}

// ask finds out what an input has at a position.
func (h *holes) ask(r *running, topic string, pos int64) {
	id := h.view.TopicID(topic)
	h.errands.run(func(ctx context.Context) {
		to, err := h.restorer.Beyond(ctx, topic, id, r.id.Partition, pos)
		if err != nil { // whatever it is, the client finds it too, or it passes
			h.log.Debug("what an input has at its position", "task", r.id, "topic", topic, "offset", pos, "err", err)
			to = pos
		}
		h.found.put(hole{r, topic, pos, to})
	})
}
