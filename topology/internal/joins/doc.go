// Package joins joins two streams: records with equal keys whose times are close to each other.
//
// Each side has a buffer, a store of its records by key and time, with those of late in memory
// (buffer.go, part.go; layout.go has the bytes). Where records that find nothing make output,
// another store has those that wait for a match, in the order in which they come out (waiting.go).
// Which pairs count and when a record has waited long enough is a rule (rule.go): that of this
// house, which is a function of the input, or that of Kafka Streams.
//
// An [Input] is the receiver of one side; what both have together is a core (core.go).
package joins

import (
	"github.com/kolkstream/kolk/topology/record"
)

// Side is one of the two inputs of a join.
type Side uint8

// The sides. Where they meet at one time, the right one comes first.
const (
	Right Side = iota
	Left
)

// other returns the side that s is joined with.
func (s Side) other() Side { return s ^ 1 }

// Bounds say which records of the right side a record of the left side is joined with: those from
// Before before its time to After after it, in milliseconds. Grace is for how long after that
// records may come out of order.
type Bounds struct {
	Before, After, Grace int64
}

// reach returns the times of records of the other side that one of s at ts is joined with.
func (b Bounds) reach(s Side, ts int64) (lo, hi int64) {
	if s == Left {
		return ts - b.Before, ts + b.After
	}
	return ts - b.After, ts + b.Before
}

// ahead returns by how much later records of the other side may be than one of s.
func (b Bounds) ahead(s Side) int64 {
	if s == Left {
		return b.After
	}
	return b.Before
}

// closes returns the time that a record of s at ts is closed behind: it is joined with nothing that
// comes when its partition has shown a later one.
func (b Bounds) closes(s Side, ts int64) int64 { return ts + b.ahead(s) + b.Grace }

// leastWidth is the least width of a segment, in milliseconds.
const leastWidth = 1000

// Width returns how much time the rows of a segment lie within, in milliseconds: as much as a
// record looks at, so that these are in two segments at most.
func (b Bounds) Width() int64 { return max(b.Before+b.After+1, leastWidth) }

// noTime is no time: before all times.
const noTime = record.NoTime
