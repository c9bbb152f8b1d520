package worker

import (
	"cmp"
	"slices"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/restore"
	"github.com/kolkstream/kolk/processor/internal/task"
)

type topicPartition struct {
	topic     string
	partition int32
}

// running is a task in this session.
type running struct {
	id     task.ID
	task   *task.Task
	handle *restore.Handle
	sub    *flow.SubTopology
	topics []string

	paused  map[string]bool // by topic; see throttle
	lacks   map[string]lack // by topic; see holes
	quantum int             // records per turn; see adapt
	waiting waiting         // see standings
	halted  bool            // its input has grown, and keys have moved: it processes no more
	done    bool            // it has ended in the bounded run, and that is said
}

// partitions returns the partitions of the task's inputs, added to m.
func (r *running) partitions(m map[string][]int32) map[string][]int32 {
	return addAll(m, r.topics, r.id.Partition)
}

func add(m map[string][]int32, topic string, partition int32) map[string][]int32 {
	if m == nil {
		m = map[string][]int32{}
	}
	m[topic] = append(m[topic], partition)
	return m
}

func addAll(m map[string][]int32, topics []string, partition int32) map[string][]int32 {
	for _, t := range topics {
		m = add(m, t, partition)
	}
	return m
}

// Between two looks at the clock a task processes as many records as take about quantumTime.
const (
	quantumTime  = 5 * time.Millisecond
	firstQuantum = 32
	mostQuantum  = 1024
)

// adapt sets the number of records of the next turn by how long n took.
func (r *running) adapt(n int, took time.Duration) {
	switch {
	case took > quantumTime:
		r.quantum = max(r.quantum/2, 1)
	case n == r.quantum && took < quantumTime/2:
		r.quantum = min(r.quantum*2, mostQuantum)
	}
}

// roster is the tasks that run in this session, in the order in which they have their turns. It
// belongs to the session's goroutine.
type roster struct {
	all []*running
}

// has reports whether r still runs.
func (t *roster) has(r *running) bool { return slices.Contains(t.all, r) }

// find returns the task with the id, nil if it does not run.
func (t *roster) find(id task.ID) *running {
	for _, r := range t.all {
		if r.id == id {
			return r
		}
	}
	return nil
}

// owner returns the task that reads a partition, nil if none does.
func (t *roster) owner(topic string, partition int32) *running {
	for _, r := range t.all {
		if r.id.Partition == partition && slices.Contains(r.topics, topic) {
			return r
		}
	}
	return nil
}

// add takes a task in.
func (t *roster) add(r *running) {
	t.all = append(t.all, r)
	slices.SortFunc(t.all, func(a, b *running) int {
		return cmp.Or(cmp.Compare(a.id.Sub, b.id.Sub), cmp.Compare(a.id.Partition, b.id.Partition))
	})
}

// drop takes those out that are gone, and hands each to each.
func (t *roster) drop(gone func(task.ID, []string) bool, each func(*running)) {
	t.all = slices.DeleteFunc(t.all, func(r *running) bool {
		if !gone(r.id, r.topics) {
			return false
		}
		each(r)
		return true
	})
}

// ids returns the names of the tasks.
func (t *roster) ids() []task.ID {
	ids := make([]task.ID, 0, len(t.all))
	for _, r := range t.all {
		ids = append(ids, r.id)
	}
	return ids
}
