package worker

import (
	"time"
)

// A log may end in offsets that no record has: compaction has removed what was there, or the broker keeps them for itself. The client tells of
// records only, so it looks as if there were more to come: a bounded run would not end, other inputs would wait. Where an input has
// lacked records for a while, the process's restorer, which knows positions, is asked what is there.

const (
	// holeAfter is how long an input lacks records before it is asked for them, which is longer than a broker takes that has some.
	holeAfter = time.Second
	// holeLook is how often inputs are looked at.
	holeLook = 250 * time.Millisecond
)

// lack is since when an input has lacked records at a position.
type lack struct {
	pos    int64
	since  time.Time
	asking bool
}

// hole says that an input has no records from one offset to another.
type hole struct {
	r        *running
	topic    string
	from, to int64
}

// lookForHoles passes over what was found since the last time, and asks for inputs that lack records.
func (s *session) lookForHoles() {
	s.openMu.Lock()
	found := s.holes
	s.holes = nil
	s.openMu.Unlock()
	for _, h := range found {
		if s.tasks[h.r.id] != h.r { // given up meanwhile
			continue
		}
		delete(h.r.lacks, h.topic)
		h.r.task.Pass(h.topic, h.from, h.to)
		if s.dirtySince.IsZero() && h.r.task.Dirty() {
			s.dirtySince = time.Now()
		}
	}
	now := time.Now()
	if now.Sub(s.looked) < holeLook {
		return
	}
	s.looked = now
	for _, r := range s.order {
		if r.halted {
			continue
		}
		r.task.Lacking(func(topic string, pos int64) {
			l := r.lacks[topic]
			switch {
			case l.asking:
			case l.pos != pos || l.since.IsZero() || r.paused[topic]:
				if r.lacks == nil {
					r.lacks = map[string]lack{}
				}
				r.lacks[topic] = lack{pos: pos, since: now}
			case now.Sub(l.since) >= holeAfter:
				l.asking = true
				r.lacks[topic] = l
				s.askFor(r, topic, pos)
			}
		})
	}
}

// askFor finds out what an input has at a position.
func (s *session) askFor(r *running, topic string, pos int64) {
	id := s.cfg.View.TopicID(topic)
	s.opening.Go(func() {
		to, err := s.cfg.Opener.Restorer.Beyond(s.asking, topic, id, r.id.Partition, pos)
		if err != nil { // whatever it is, the client finds it too, or it passes
			s.log.Debug("what an input has at its position", "task", r.id, "topic", topic, "offset", pos, "err", err)
			to = pos
		}
		s.openMu.Lock()
		s.holes = append(s.holes, hole{r, topic, pos, to})
		s.openMu.Unlock()
		s.wake()
	})
}
