package ops

// lastUpdate is what is known of the record that updated a key last, for what is forwarded at the
// commit.
type lastUpdate struct {
	ref       int64
	offset    int64
	partition int32
	topic     int32 // in updateLog, from 1; 0: there was no update
}

// updateLog keeps what lastUpdate has no room for: names of topics, and headers by the number of
// the key.
type updateLog struct {
	topics  []string
	headers []headers
}

// headers is the copy of a record's headers.
type headers struct {
	list  []Header
	bytes []byte // holds the values
}

// note returns the lastUpdate for an update by a record. id is the number of the key, for its
// headers if keep says that they are needed.
func note[K, V any](l *updateLog, id int32, r *Record[K, V], keep bool) lastUpdate {
	if keep && (len(r.Headers) != 0 || len(l.headers) != 0) {
		l.keep(id, r.Headers)
	}
	return lastUpdate{ref: r.Ref, offset: r.Origin.Offset, partition: r.Origin.Partition, topic: l.topic(r.Origin.Topic)}
}

func (l *updateLog) topic(name string) int32 {
	for i, t := range l.topics { // hardly ever more than one
		if t == name {
			return int32(i + 1)
		}
	}
	l.topics = append(l.topics, name)
	return int32(len(l.topics))
}

// origin returns where the record came from.
func (l *updateLog) origin(u lastUpdate) Origin {
	if u.topic == 0 {
		return Origin{}
	}
	return Origin{Topic: l.topics[u.topic-1], Partition: u.partition, Offset: u.offset}
}

// keep copies headers, which belong to a record that goes away.
func (l *updateLog) keep(id int32, from []Header) {
	for int(id) >= len(l.headers) {
		if len(from) == 0 {
			return
		}
		l.headers = append(l.headers, headers{})
	}
	to := &l.headers[id]
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
			h.Value = present(b[at:len(b):len(b)])
		}
		list = append(list, h)
	}
	to.list, to.bytes = list, b
}

// recorded returns the headers of the last update of a key.
func (l *updateLog) recorded(id int32) []Header {
	if int(id) >= len(l.headers) || len(l.headers[id].list) == 0 {
		return nil
	}
	return l.headers[id].list
}
