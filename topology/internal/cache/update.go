package cache

import "github.com/kolkstream/kolk/topology/internal/operator"

// Last is what is known of the record that updated a key last, for what is forwarded at the
// commit.
type Last struct {
	Ref       int64
	offset    int64
	partition int32
	topic     int32 // in updateLog, from 1; 0: there was no update
}

// Log keeps what lastUpdate has no room for: names of topics, and headers by the number of
// the key.
type Log struct {
	topics []string
	lists  []headers
}

// headers is the copy of a record's headers.
type headers struct {
	list  []Header
	bytes []byte // holds the values
}

// Note returns the lastUpdate for an update by a record. id is the number of the key, for its
// headers if keep says that they are needed.
func Note[K, V any](l *Log, id int32, r *Record[K, V], keep bool) Last {
	if keep && (len(r.Headers) != 0 || len(l.lists) != 0) {
		l.keep(id, r.Headers)
	}
	return Last{Ref: r.Ref, offset: r.Origin.Offset, partition: r.Origin.Partition, topic: l.topic(r.Origin.Topic)}
}

func (l *Log) topic(name string) int32 {
	for i, t := range l.topics { // hardly ever more than one
		if t == name {
			return int32(i + 1)
		}
	}
	l.topics = append(l.topics, name)
	return int32(len(l.topics))
}

// Origin returns where the record came from.
func (l *Log) Origin(u Last) Origin {
	if u.topic == 0 {
		return Origin{}
	}
	return Origin{Topic: l.topics[u.topic-1], Partition: u.partition, Offset: u.offset}
}

// keep copies headers, which belong to a record that goes away.
func (l *Log) keep(id int32, from []Header) {
	for int(id) >= len(l.lists) {
		if len(from) == 0 {
			return
		}
		l.lists = append(l.lists, headers{})
	}
	to := &l.lists[id]
	n := 0
	for _, h := range from {
		n += len(h.Value)
	}
	b := to.bytes[:0]
	if cap(b) < n {
		b = make([]byte, 0, n) // once, so that values stay where they are
	}
	list := to.list[:0]
	for _, h := range from {
		if h.Value != nil {
			at := len(b)
			b = append(b, h.Value...)
			h.Value = operator.Present(b[at:len(b):len(b)])
		}
		list = append(list, h)
	}
	to.list, to.bytes = list, b
}

// Headers returns the headers of the last update of a key.
func (l *Log) Headers(id int32) []Header {
	if int(id) >= len(l.lists) || len(l.lists[id].list) == 0 {
		return nil
	}
	return l.lists[id].list
}

// Update sets the entry's value as a record made it.
func Update[K, V, A any](c *Cache[A], e *Entry[A], after A, keep bool, r *Record[K, V], emit bool) {
	ts := r.Timestamp
	if e.Has {
		ts = max(ts, e.TS)
	}
	e.Value, e.Has, e.TS, e.Dirty = after, keep, ts, true
	Touch(c, e, r, emit)
}
