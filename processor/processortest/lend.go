package processortest

import (
	"github.com/twmb/franz-go/pkg/kgo"
)

// lent are the messages that a task was handed and may still have, by topic. They are copies, which
// are overwritten when the task is done with them, as a worker's are: the memory of fetched
// messages is used again. Who has kept a part of one shows that by wrong results.
type lent map[string][]*kgo.Record

// lend copies messages for the task.
func (l lent) lend(topic string, recs []*kgo.Record) []*kgo.Record {
	out := make([]*kgo.Record, len(recs))
	for i, r := range recs {
		c := *r
		c.Key, c.Value, c.Headers = clone(r.Key), clone(r.Value), nil
		for _, h := range r.Headers {
			c.Headers = append(c.Headers, kgo.RecordHeader{Key: h.Key, Value: clone(h.Value)})
		}
		out[i] = &c
	}
	l[topic] = append(l[topic], out...)
	return out
}

// spoil overwrites what was lent of the topics of which nothing is queued.
func (l lent) spoil(queued func(topic string) int64) {
	for topic, recs := range l {
		if queued(topic) > 0 {
			continue
		}
		for _, r := range recs {
			overwrite(r.Key)
			overwrite(r.Value)
			for i := range r.Headers {
				overwrite(r.Headers[i].Value)
			}
			*r = kgo.Record{}
		}
		delete(l, topic)
	}
}

func overwrite(b []byte) {
	for i := range b {
		b[i] = 0xdb
	}
}
