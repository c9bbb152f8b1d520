package ops

import (
	"bytes"
	"fmt"
)

// place says where a record stands among those of the same timestamp: what it was made from, and
// its number among what was made from that, step by step. It is a function of the input: no two
// records that meet have the same one, however they got there.
//
// Its bytes sort as places do. docs/format/headers.md describes them.
type place struct{ bytes []byte }

// What a place begins with.
const (
	fromMessage     = 1 // topic, partition, offset
	fromWindow      = 2 // store, start, key, partition of the task
	fromPunctuation = 3 // schedule, time, partition of the task
)

// appendName appends a name, which has no zero byte.
func appendName(dst []byte, name string) []byte { return append(append(dst, name...), 0) }

// appendNumber appends n so that the bytes sort as the numbers do: how many bytes it takes, and
// these.
func appendNumber(dst []byte, n uint64) []byte {
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

// number takes a number off b. ok is false if there is none.
func number(b []byte) (n uint64, rest []byte, ok bool) {
	if len(b) == 0 || b[0] > 8 || len(b) <= int(b[0]) {
		return 0, nil, false
	}
	for _, c := range b[1 : 1+b[0]] {
		n = n<<8 | uint64(c)
	}
	return n, b[1+b[0]:], true
}

// ofMessage is the place of what a message of a source is.
func (p *place) ofMessage(o Origin) {
	p.bytes = appendName(append(p.bytes[:0], fromMessage), o.Topic)
	p.bytes = appendNumber(appendNumber(p.bytes, uint64(o.Partition)), uint64(o.Offset))
}

// ofWindow is the place of the final result of a window and key: of a task, for others may have the
// key too if it was not partitioned by.
func (p *place) ofWindow(store string, start int64, key []byte, partition int32) {
	p.bytes = appendNumber(appendName(append(p.bytes[:0], fromWindow), store), uint64(start))
	for _, c := range key { // the end of the key sorts before whatever may follow
		p.bytes = append(p.bytes, c)
		if c == 0 {
			p.bytes = append(p.bytes, 0xff)
		}
	}
	p.bytes = appendNumber(append(p.bytes, 0, 1), uint64(partition))
}

// ofPunctuation is the place of what a punctuation forwards.
func (p *place) ofPunctuation(schedule string, at int64, partition int32) {
	p.bytes = appendName(append(p.bytes[:0], fromPunctuation), schedule)
	p.bytes = appendNumber(appendNumber(p.bytes, uint64(at)^1<<63), uint64(partition))
}

// origin returns the message that what stands at a place was made from; the zero Origin for what
// was made by time. The topic's name is that of last if it is the same.
func origin(place []byte, last *Origin) (Origin, error) {
	if len(place) == 0 {
		return Origin{}, fmt.Errorf("a record has no place")
	}
	if place[0] != fromMessage {
		return Origin{}, nil
	}
	end := bytes.IndexByte(place, 0)
	if end < 0 {
		return Origin{}, fmt.Errorf("the place %x has no topic", place)
	}
	partition, rest, ok := number(place[end+1:])
	offset, _, ok2 := number(rest)
	if !ok || !ok2 {
		return Origin{}, fmt.Errorf("the place %x has no offset", place)
	}
	if last.Topic != string(place[1:end]) {
		last.Topic = string(place[1:end])
	}
	last.Partition, last.Offset = int32(partition), int64(offset)
	return *last, nil
}

// Branches numbers what is made from one place. All operators of a task share one: what is made
// from one record is made before the next one is looked at.
type Branches struct {
	last []byte
	next uint64
}

// append appends a place and its next number.
func (b *Branches) append(dst []byte, p *place) []byte {
	if !bytes.Equal(b.last, p.bytes) {
		b.last, b.next = append(b.last[:0], p.bytes...), 0
	}
	dst = appendNumber(append(dst, p.bytes...), b.next)
	b.next++
	return dst
}
