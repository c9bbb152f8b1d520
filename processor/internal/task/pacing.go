package task

import "github.com/kolkstream/kolk/topology"

// Alignment keeps a task together in event time with those whose records meet its own. All methods
// are called by the task's goroutine.
type Alignment interface {
	// Limit is told the time of the next record, and returns up to which time the task may go on
	// for now.
	Limit(next int64) int64
	// Rest says that nobody need wait for the task: it has nothing more, or is live.
	Rest()
}

// pacing is what the task has told others of its pace, and has been told. It tells no more than is
// news. A task that has nobody to keep together with neither asks nor tells.
type pacing struct {
	with Alignment // nil: with nobody

	limit   int64 // what was said since the last turn began
	resting bool  // what was told last
	// since when there is nothing to process although there is something to read; 0: there is
	hungry int64
}

// turn begins a turn: what was said before it no longer holds.
func (p *pacing) turn() { p.limit = topology.NoTime }

// abort makes the task one that does not rest.
func (p *pacing) abort() { p.resting = false }

// ahead reports whether a record is too far ahead of what other tasks have next. Records of inputs
// without time, and live ones, are not.
func (p *pacing) ahead(at int64, timeless, live bool) bool {
	p.hungry = 0
	switch {
	case timeless || at <= p.limit:
		return false
	case live:
		p.rest()
		return false
	}
	p.resting = false
	p.limit = p.with.Limit(at)
	return at > p.limit
}

// starved is how long others wait for a task that gets nothing of what it has yet to read: its
// partition may have no leader. The order of reading is not worth more.
const starved = 10_000 // ms

// idle tells others not to wait for a task with nothing to process, if there is nothing to fetch
// either, or nothing could be for a while. now is the wall clock. It is not called by a task that
// has nobody to keep together with.
func (p *pacing) idle(now int64, behind bool) {
	switch {
	case !behind:
		p.rest()
	case p.hungry == 0:
		p.hungry = now
	case now-p.hungry > starved:
		p.rest()
	}
}

func (p *pacing) rest() {
	if !p.resting {
		p.resting = true
		p.with.Rest()
	}
}
