// Package place says where records stand among those of the same timestamp.
package place

import (
	"bytes"
	"errors"
	"fmt"
)

// Place says where a record stands among those of the same timestamp: what it was made from, and
// its number among what was made from that, step by step. It is a function of the input: no two
// records that meet have the same one, however they got there.
type Place struct {
	// Bytes sort as places do. docs/format/headers.md describes them.
	Bytes []byte
}

// What a place begins with.
const (
	fromMessage     = 1 // topic, partition, offset
	fromWindow      = 2 // store, start, key, partition of the task
	fromPunctuation = 3 // schedule, time, partition of the task
	fromJoin        = 4 // join, key, records of both sides, partition of the task
)

// appendName appends a name, which has no zero byte.
func appendName(dst []byte, name string) []byte { return append(append(dst, name...), 0) }

// AppendNumber appends n so that the bytes sort as the numbers do: how many bytes it takes, and
// these.
func AppendNumber(dst []byte, n uint64) []byte {
	size := 0
	for v := n; v != 0; v >>= 8 {
		size++
	}
	dst = append(dst, byte(size))
	for size > 0 {
		size--
		dst = append(dst, byte(n>>(8*size)))
	}
	return dst
}

// CutNumber takes a number off b. ok is false if there is none.
func CutNumber(b []byte) (n uint64, rest []byte, ok bool) {
	if len(b) == 0 || b[0] > 8 || len(b) <= int(b[0]) {
		return 0, nil, false
	}
	for _, c := range b[1 : 1+b[0]] {
		n = n<<8 | uint64(c)
	}
	return n, b[1+b[0]:], true
}

// OfMessage makes p the place of what a message of a source is.
func (p *Place) OfMessage(topic string, partition int32, offset int64) {
	p.Bytes = appendName(append(p.Bytes[:0], fromMessage), topic)
	p.Bytes = AppendNumber(AppendNumber(p.Bytes, uint64(partition)), uint64(offset))
}

// OfWindow makes p the place of the final result of a window and key: of a task, for others may
// have the key too if it was not partitioned by.
func (p *Place) OfWindow(store string, start int64, key []byte, partition int32) {
	p.Bytes = AppendNumber(appendName(append(p.Bytes[:0], fromWindow), store), uint64(start))
	p.Bytes = AppendNumber(appendEnded(p.Bytes, key), uint64(partition))
}

// AppendEnded appends bytes and their end, so that the result sorts as the bytes do, whatever
// follows; that may begin with anything but ff.
func AppendEnded(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, 0)
		if i < 0 {
			return append(append(dst, b...), 0)
		}
		dst = append(append(dst, b[:i+1]...), 0xff)
		b = b[i+1:]
	}
}

// CutEnded takes bytes and their end off b. It appends the bytes to dst. ok is false if b has no
// end.
func CutEnded(dst, b []byte) (ended, rest []byte, ok bool) {
	for {
		i := bytes.IndexByte(b, 0)
		if i < 0 {
			return dst, b, false
		}
		if i+1 == len(b) || b[i+1] != 0xff {
			return append(dst, b[:i]...), b[i+1:], true
		}
		dst = append(dst, b[:i+1]...)
		b = b[i+2:]
	}
}

// appendEnded is AppendEnded as places have it.
func appendEnded(dst, b []byte) []byte { return append(AppendEnded(dst, b), 1) }

// Joined is one of the records that the result of a join was made from.
type Joined struct {
	There bool // there is one
	Time  int64
	Value []byte // encoded
	// Number is which one it is of those with its key and time, in the order in which they came.
	Number uint64
}

// OfJoined makes p the place of the result of a join of two streams: of a task, as OfWindow. What
// it was made from decides, and not which of the two records came last; only results that are alike
// in all else stand in the order in which their records came.
func (p *Place) OfJoined(join string, key []byte, left, right Joined, partition int32) {
	p.Bytes = appendEnded(appendName(append(p.Bytes[:0], fromJoin), join), key)
	for _, of := range [2]*Joined{&left, &right} {
		if !of.There {
			p.Bytes = append(p.Bytes, 0)
			continue
		}
		p.Bytes = appendEnded(AppendNumber(append(p.Bytes, 1), uint64(of.Time)), of.Value)
	}
	p.Bytes = AppendNumber(AppendNumber(p.Bytes, left.Number), right.Number)
	p.Bytes = AppendNumber(p.Bytes, uint64(partition))
}

// OfPunctuation makes p the place of what a punctuation forwards.
func (p *Place) OfPunctuation(schedule string, at int64, partition int32) {
	p.Bytes = appendName(append(p.Bytes[:0], fromPunctuation), schedule)
	p.Bytes = AppendNumber(AppendNumber(p.Bytes, uint64(at)^1<<63), uint64(partition))
}

// Punctuated reports whether what stands at the place was made by a punctuation.
func (p *Place) Punctuated() bool { return p.Bytes[0] == fromPunctuation }

// Message returns the message that what stands at a place was made from. made is false if it was
// made by time. The topic is a part of the place.
func Message(place []byte) (topic []byte, partition int32, offset int64, made bool, err error) {
	if len(place) == 0 {
		return nil, 0, 0, false, errors.New("a record has no place")
	}
	if place[0] != fromMessage {
		return nil, 0, 0, false, nil
	}
	end := bytes.IndexByte(place, 0)
	if end < 0 {
		return nil, 0, 0, false, fmt.Errorf("the place %x has no topic", place)
	}
	p, rest, ok := CutNumber(place[end+1:])
	o, _, ok2 := CutNumber(rest)
	if !ok || !ok2 {
		return nil, 0, 0, false, fmt.Errorf("the place %x has no offset", place)
	}
	return place[1:end], int32(p), int64(o), true, nil
}

// Branches numbers what is made from one place. All operators of a task share one: what is made
// from one record is made before the next one is looked at.
type Branches struct {
	scope
	outer []scope // what is made from other places meanwhile
	depth int
}

// scope is what is made from one place, and how much it is so far.
type scope struct {
	last []byte
	next uint64
}

// Append appends a place and its next number.
func (b *Branches) Append(dst []byte, p *Place) []byte {
	if !bytes.Equal(b.last, p.Bytes) {
		b.last, b.next = append(b.last[:0], p.Bytes...), 0
	}
	dst = AppendNumber(append(dst, p.Bytes...), b.next)
	b.next++
	return dst
}

// Enter says that what comes until Leave is made from a place of its own, of which nothing comes
// later: the result of a join, which is made while the record that made it is being worked on.
func (b *Branches) Enter() {
	if b.depth == len(b.outer) {
		b.outer = append(b.outer, scope{})
	}
	b.scope, b.outer[b.depth] = b.outer[b.depth], b.scope
	b.last, b.next = b.last[:0], 0
	b.depth++
}

// Leave goes back to before Enter.
func (b *Branches) Leave() {
	b.depth--
	b.scope, b.outer[b.depth] = b.outer[b.depth], b.scope
}
