package align

import "time"

// pace is how fast the least of a group's tasks has been lately.
type pace struct {
	marks [8]mark // a ring
	n     int     // how many were set
}

type mark struct {
	wall time.Time
	time int64
}

// markEvery is the distance of marks; all of them span half a second or so, in which a gap in the
// data is forgotten.
const markEvery = 70 * time.Millisecond

func (p *pace) saw(now time.Time, t int64) {
	if p.n > 0 && now.Sub(p.marks[(p.n-1)%len(p.marks)].wall) < markEvery {
		return
	}
	p.marks[p.n%len(p.marks)] = mark{now, t}
	p.n++
}

// covers is how much event time goes by in d, in milliseconds.
func (p *pace) covers(d time.Duration) int64 {
	if p.n < 2 {
		return 0
	}
	first, last := p.marks[max(p.n-len(p.marks), 0)%len(p.marks)], p.marks[(p.n-1)%len(p.marks)]
	took := last.wall.Sub(first.wall)
	if last.time <= first.time || took <= 0 {
		return 0
	}
	return int64(float64(last.time-first.time) * (float64(d) / float64(took)))
}
