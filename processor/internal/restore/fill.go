package restore

import (
	"sync"
	"time"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/state"
)

// A database takes large batches best: it sorts each one once and writes it to a file as it is.
// fillBytes is what all batches that are being filled hold together, leastFill and mostFill what
// one of them does, if a single fetch is not more.
const (
	fillBytes = 32 << 20
	leastFill = 256 << 10
	mostFill  = 8 << 20
	// changeBytes is the most that a change takes in a batch, beside key and value.
	changeBytes = 16
)

// fill writes what a restore brings for one store, in batches, each with the position after it.
type fill struct {
	h      *Handle
	task   *sync.Mutex // of the task: its stores take turns with the checkpoint
	store  string
	spec   changelog.Spec
	prefix uint16
	id     [16]byte  // of the topic
	asOf   time.Time // up to when the database is known to be whole

	key   []byte
	batch state.Batch
	next  int64
}

// add takes the changes up to the position next.
func (f *fill) add(changes []changelog.Change, next int64) error {
	limit, size := f.h.pool.fillLimit(), 0
	for _, c := range changes {
		size += len(c.Key) + len(c.Value) + changeBytes
		if f.spec.ByKey {
			size += len(c.Key) + changeBytes
		}
	}
	// The memory of a batch doubles when it is full: it is not to be a little larger than the
	// limit.
	if f.batch != nil && f.batch.Size()+size > limit {
		if err := f.flush(); err != nil {
			return err
		}
	}
	if f.batch == nil {
		f.batch = f.h.DB.NewBatch()
	}
	for _, c := range changes {
		f.key = append(append(f.key[:0], byte(f.prefix>>8), byte(f.prefix)), c.Key...)
		f.change(c.Value, c.Deleted)
		if f.spec.ByKey {
			f.key = f.spec.RowByKey(append(f.key[:0], byte(f.prefix>>8), byte(f.prefix)), c.Key)
			f.change(nil, c.Deleted)
		}
	}
	f.next = next
	if f.batch.Size() < limit {
		return nil
	}
	return f.flush()
}

// change puts a change of key into the batch.
func (f *fill) change(value []byte, deleted bool) {
	if deleted {
		f.batch.Delete(f.key)
	} else {
		f.batch.Set(f.key, value)
	}
}

// flush commits what was added since the last time.
func (f *fill) flush() error {
	if f.batch == nil {
		return nil
	}
	f.task.Lock()
	defer f.task.Unlock()
	u := checkpoint.Update{Changelogs: map[string]checkpoint.TopicPosition{f.store: {TopicID: f.id, Offset: f.next}}, Seq: f.h.Checkpoint.Seq(), At: f.asOf}
	if err := f.h.Checkpoint.Write(f.batch, u); err != nil {
		return err
	}
	if err := f.batch.Commit(); err != nil {
		return err
	}
	f.h.Checkpoint.Applied()
	f.drop()
	return f.h.pool.points.Hit(failpoint.InRestore)
}

// drop forgets what was added since the last flush.
func (f *fill) drop() {
	if f.batch != nil {
		_ = f.batch.Close() // of memory only
		f.batch = nil
	}
}

// fillLimit is how much a batch may hold before it is committed.
func (p *Pool) fillLimit() int {
	return min(max(fillBytes/max(int(p.filling.Load()), 1), leastFill), mostFill)
}
