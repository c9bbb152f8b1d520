package ops

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/kolkstream/kolk/internal/place"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology/internal/cache"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// InOrder holds records back until the task's time has passed their timestamp by the delay, and
// hands them on in the order of timestamps and places. A record that is more than the delay behind
// its Ref is late.
//
// So all that counts have come before they are handed on, as with a window of a millisecond whose
// grace is the delay. They are handed on at the commit: nobody sees what is sent before it in any
// case, and one scan serves all. When the task is full the rest waits for the next transaction.
//
// Handed on, a record's Ref is its timestamp: nothing is out of order any more.
type InOrder[K, V any] struct {
	Node
	// Behind is the task of the operators behind; Timed are those of them that act by time.
	Behind Line
	Timed  []Timed
	// Delay is how much out of order records of a source partition may be, After by how much
	// results of windows come behind the task's time, in milliseconds.
	Delay, After int64
	Branches     *place.Branches
	// NeedKey and NeedValue say that the decoded key, the decoded value is used.
	NeedKey, NeedValue bool
	Next               Receiver[K, V]

	key   operator.Encoder[K]
	value operator.Encoder[V]
	store *state.Store
	least int64 // no record in the store is earlier
	ended int64 // what is earlier was handed on at the end of an earlier bounded run
	due   int64 // what is earlier is handed on, or about to be
	// what lies before it in the store was handed on; nil: nothing beyond what is earlier than the
	// line
	mark   []byte
	buf    []byte
	row    []byte
	next   func(key, row []byte) (bool, error) // handNext
	done   bool                                // everything that is due was handed on
	lo     []byte                              // of what is being handed on
	at     []byte                              // how far
	to     []byte
	cursor operator.Cursor
	out    Record[K, V]
	place  place.Place
	from   Origin   // of out
	heads  []Header // of out, if it has some
}

// Open finds the store, and deletes what was handed on already. keyRaw and valueRaw say that the
// bytes that records bring along are of these serdes.
func (s *InOrder[K, V]) Open(k serde.Serde[K], v serde.Serde[V], keyRaw, valueRaw bool) {
	s.key, s.value = operator.NewEncoder("key", k, keyRaw), operator.NewEncoder("value", v, valueRaw)
	s.store, s.least, s.next = s.Task.Store(s.Name), 0, s.handNext
	if s.ended = s.Task.ClosedThrough(); s.ended != math.MaxInt64 {
		s.ended++
	}
	s.due = max(s.Behind.Time(), s.ended)
	if s.due > 0 {
		s.store.DeleteRange(cache.AppendStart(nil, 0), cache.AppendStart(nil, s.due))
	}
	if mark := s.Task.Mark(s.Name); mark != nil {
		s.pass(mark)
		s.store.DeleteRange(cache.AppendStart(nil, 0), s.mark)
	}
}

// pass notes that what lies before mark has been handed on. Once the line has passed the record
// before the mark, its time says so.
func (s *InOrder[K, V]) pass(mark []byte) {
	s.mark = append(s.mark[:0], mark...)
	s.Behind.SetMark(s.Name, s.mark, cache.StartOf(mark)+1)
}

// Receive implements Receiver.
func (s *InOrder[K, V]) Receive(r *Record[K, V]) error {
	switch t := r.Timestamp; {
	case r.Ref > t && uint64(r.Ref-t) > uint64(s.Delay):
		s.Drop(record.LateRecord, r.Origin)
		return nil
	case t < s.due:
		s.Drop(record.TimePassed, r.Origin)
		return nil
	case r.Place == nil:
		return fmt.Errorf("%s: a record has no place", s.Name)
	}
	row := append(s.row[:0], inOrderVersion, 0)
	if r.NoKey {
		row[1] |= rowNoKey
	} else {
		key, err := s.key.Bytes(r.RawKey, r.Key)
		if err != nil {
			return s.Fail(r.Origin, err)
		}
		row = append(binary.AppendUvarint(row, uint64(len(key))), key...)
	}
	if len(r.Headers) != 0 {
		row[1] |= rowHeaders
		row = AppendHeaders(row, r.Headers)
	}
	if r.NoValue {
		row[1] |= rowNoValue
	} else {
		value, err := s.value.Bytes(r.RawValue, r.Value)
		if err != nil {
			return s.Fail(r.Origin, err)
		}
		row = append(row, value...)
	}
	s.row = row
	s.buf = s.Branches.Append(cache.AppendStart(s.buf[:0], r.Timestamp), r.Place)
	if r.Place.Punctuated() {
		if err := s.distinguish(); err != nil {
			return err
		}
	}
	if s.mark != nil && bytes.Compare(s.buf, s.mark) < 0 {
		s.Drop(record.TimePassed, r.Origin)
		return nil
	}
	s.least = min(s.least, r.Timestamp)
	s.store.Put(s.buf, row)
	return nil
}

// distinguish gives the key at hand another number while there is one like it: a schedule may be
// called twice for one time, when the clock was put back or at the end of a bounded run.
func (s *InOrder[K, V]) distinguish() error {
	n := len(s.buf)
	for i := uint64(0); ; i++ {
		_, found, err := s.store.Get(nil, s.buf)
		if err != nil {
			return fmt.Errorf("store %s: %w", s.Name, err)
		}
		if !found {
			return nil
		}
		s.buf = place.AppendNumber(s.buf[:n], i)
	}
}

// Flush implements Flusher: it hands on what is due, until the task is full.
func (s *InOrder[K, V]) Flush() (bool, error) {
	if s.Task.Postponed() {
		return false, nil
	}
	if done, err := s.Behind.Resume(s.Timed); !done || err != nil {
		s.Task.Postpone()
		return true, err
	}
	due := s.Task.Time()
	if due != record.EndOfTime {
		if due < s.After || due-s.After < s.Delay { // no record is that early
			return false, nil
		}
		due -= s.After + s.Delay
	}
	if due <= s.Behind.Time() {
		return false, nil
	}
	s.due = max(s.due, due)
	done, err := true, error(nil)
	if s.least < due {
		done, err = s.handOn(due)
	}
	if done && err == nil {
		done, err = s.Behind.Advance(due, s.Timed)
	}
	if !done {
		s.Task.Postpone()
	}
	return true, err
}

// handOn hands on what is earlier than due, and deletes it, until the task is full.
func (s *InOrder[K, V]) handOn(due int64) (done bool, err error) {
	s.lo = cache.AppendStart(s.lo[:0], max(0, s.least))
	s.at = append(s.at[:0], s.lo...)
	var to []byte // EndOfTime: to the end
	if due != record.EndOfTime {
		s.to = cache.AppendStart(s.to[:0], due)
		to = s.to
	}
	s.done = true
	if err := s.cursor.Each(s.store, s.Name, s.lo, to, s.next); err != nil {
		return false, err
	}
	s.Task.Handing(Origin{})
	if bytes.Compare(s.lo, s.at) < 0 {
		s.pass(s.at)
		if s.done && to != nil {
			s.at = append(s.at[:0], to...)
		}
		s.store.DeleteRange(s.lo, s.at)
	}
	s.least = due
	if !s.done {
		s.least = cache.StartOf(s.at)
	}
	return s.done, nil
}

// handNext hands on a row. more is false if the rest has to wait.
func (s *InOrder[K, V]) handNext(key, row []byte) (more bool, err error) {
	sent, err := s.send(key, row)
	if err != nil {
		return false, err
	}
	s.at = append(s.at[:0], key...)
	if sent {
		s.at = append(s.at, 0)
	}
	s.done = sent && !s.Task.Full(len(key)+len(row))
	return s.done, nil
}

// send hands on one record. sent is false if time before it has something left to do.
func (s *InOrder[K, V]) send(key, row []byte) (sent bool, err error) {
	if len(key) < 9 || cache.StartOf(key) < 0 {
		return false, fmt.Errorf("store %s: %w: key %x has no time", s.Name, state.ErrCorrupt, key)
	}
	out := &s.out
	out.Timestamp, s.place.Bytes = cache.StartOf(key), key[8:]
	out.Ref, out.Place = out.Timestamp, &s.place
	o, err := origin(s.place.Bytes, &s.from)
	if err == nil {
		out.Headers, err = s.split(row)
	}
	if err != nil {
		return false, fmt.Errorf("store %s: %w: %w", s.Name, state.ErrCorrupt, err)
	}
	out.Origin = o
	if s.Task.Handing(o) {
		s.Drop(record.Failed, o)
		return true, nil
	}
	if out.Timestamp > s.Behind.Time() {
		if done, err := s.Behind.Advance(out.Timestamp, s.Timed); !done || err != nil {
			return false, err
		}
	}
	if s.NeedKey {
		var none K
		out.Key = none
		if !out.NoKey {
			if out.Key, err = s.key.Serde.Decode(out.RawKey); err != nil {
				return true, s.Fail(o, operator.DecodeError("key", s.key.Serde.Name(), err))
			}
		}
	}
	if s.NeedValue {
		var none V
		out.Value = none
		if !out.NoValue {
			if out.Value, err = s.value.Serde.Decode(out.RawValue); err != nil {
				return true, s.Fail(o, operator.DecodeError("value", s.value.Serde.Name(), err))
			}
		}
	}
	return true, s.Next.Receive(out)
}

// origin returns the message that what stands at a place was made from; the zero Origin for what
// was made by time. The topic's name is that of last if it is the same.
func origin(at []byte, last *Origin) (Origin, error) {
	topic, partition, offset, made, err := place.Message(at)
	if !made || err != nil {
		return Origin{}, err
	}
	if last.Topic != string(topic) {
		last.Topic = string(topic)
	}
	last.Partition, last.Offset = partition, offset
	return *last, nil
}
