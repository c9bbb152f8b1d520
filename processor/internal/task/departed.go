package task

import (
	"fmt"

	"github.com/kolkstream/kolk/processor/report"
)

// A sub-topology that reads the topics of a pattern has fewer tasks when the topic with the most
// partitions is deleted, and who reads what it writes is not to wait for tasks that are gone. That
// a task is gone nobody says: its process may have ended. What is known of topics may be old, too,
// and the task be one of a topic that has just come. So a reader waits for every writer that it
// knows of until the brokers, asked twice since it heard from it last, have no topic for it, and
// all that was in the repartition topic is processed. A writer that speaks up again is waited for
// again.

// looksApart is how often the brokers have been asked when two of these were certainly begun since
// a moment: the first may have been on its way.
const looksApart = 3

// hear takes the announcement that the head carries.
func (t *Task) hear(in *input) error {
	in.told = false
	i, k, known := in.writers.find(in.ann.sub, in.ann.partition)
	if !known {
		return nil
	}
	w := &in.writers.subs[k]
	if i < 0 { // an input of the sub-topology has got more partitions, or had them
		if w.found && t.bounded() {
			return nil // the run knows its topics: it is none of them
		}
		if in.ann.partition >= mostWriters {
			return fmt.Errorf("repartition topic %s: %w: %s has a task %d", in.topic, report.ErrWriters, in.ann.sub, in.ann.partition)
		}
		in.writers.grow(k, int(in.ann.partition)+1)
		t.numbered(in, w)
		i = w.first + int(in.ann.partition)
	}
	if w.found {
		if tasks, asked := t.opts.Cluster.Looked(w.name); in.ann.partition >= tasks {
			w.seen = asked
		}
	}
	in.writers.hear(i, &in.ann, in.msg.Origin.Offset < in.doubted)
	return nil
}

// numbered notes that the number of writers is to be stored.
func (t *Task) numbered(in *input, w *writerSub) {
	t.chronicle.writers = append(t.chronicle.writers, newWriters{in.name, w.name, int32(w.size)})
}

// depart forgets the writers that are gone.
func (t *Task) depart() {
	if t.bounded() {
		return
	}
	for _, in := range t.timed {
		if !in.repartition || !in.drained() {
			continue
		}
		for k := range in.writers.subs {
			w := &in.writers.subs[k]
			if !w.found {
				continue
			}
			tasks, asked := t.opts.Cluster.Looked(w.name)
			if int(tasks) >= w.size || asked-w.seen < looksApart {
				continue
			}
			in.writers.shrink(k, int(tasks))
			t.numbered(in, w)
			t.touch()
			t.moved = true
		}
	}
}
