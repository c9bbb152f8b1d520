package pebblestate

import (
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/kolkstream/kolk/state"
)

// memory is what a database holds that is in no file yet. Pebble does not say how much that is, so
// kolk decides when a table is full, and counts.
type memory struct {
	mu sync.Mutex
	// Bytes of batches since the database was opened: committed, and written to files.
	committed, flushed int64
	// filled is about how much of the active memtable is used, bookkeeping included.
	filled int64
	// pending are the tables that are being flushed, oldest first.
	pending []rotation
}

// rotation is a memtable that takes no more writes.
type rotation struct {
	upto int64 // committed at that time
	done <-chan struct{}
}

// entryOverhead is about what Pebble's memtable needs for an entry beyond its bytes in the batch.
const entryOverhead = 64

// poll takes note of the flushes that are done. m.mu is held.
func (m *memory) poll(e *Engine) {
	for len(m.pending) > 0 {
		select {
		case <-m.pending[0].done:
			e.unflushed.Add(m.flushed - m.pending[0].upto)
			m.flushed = m.pending[0].upto
			m.pending = append(m.pending[:0], m.pending[1:]...)
		default:
			return
		}
	}
}

// forget takes the database out of the engine's sum.
func (m *memory) forget(e *Engine) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e.unflushed.Add(m.flushed - m.committed)
	m.flushed = m.committed
	m.pending = nil
}

// activeBytes are the committed bytes that are not being flushed yet.
func (d *db) activeBytes() int64 {
	d.mem.mu.Lock()
	defer d.mem.mu.Unlock()
	d.mem.poll(d.e)
	return d.mem.committed - d.mem.rotated()
}

// rotated is up to where the tables are flushed or being flushed. m.mu is held.
func (m *memory) rotated() int64 {
	if n := len(m.pending); n > 0 {
		return m.pending[n-1].upto
	}
	return m.flushed
}

func (d *db) Unflushed() int64 {
	d.mem.mu.Lock()
	defer d.mem.mu.Unlock()
	d.mem.poll(d.e)
	return d.mem.committed - d.mem.flushed
}

// rotate begins to flush what has been committed so far.
func (d *db) rotate() error {
	d.mem.mu.Lock()
	defer d.mem.mu.Unlock()
	if d.mem.committed == d.mem.rotated() {
		return nil
	}
	done, err := d.p.AsyncFlush()
	if err != nil {
		return classify(err)
	}
	d.mem.pending = append(d.mem.pending, rotation{d.mem.committed, done})
	d.mem.filled = 0
	return nil
}

// oldest returns the flush that will be done next; nil unless there are more than n.
func (d *db) oldest(n int) <-chan struct{} {
	d.mem.mu.Lock()
	defer d.mem.mu.Unlock()
	d.mem.poll(d.e)
	if len(d.mem.pending) <= n {
		return nil
	}
	return d.mem.pending[0].done
}

// await waits until at most n flushes are under way, or the database has failed.
func (d *db) await(n int) error {
	for done := d.oldest(n); done != nil; done = d.oldest(n) {
		select {
		case <-done:
		case <-d.f.failed:
			return d.f.get()
		}
	}
	return nil
}

func (d *db) Flush() error {
	if d.closed.Load() {
		return state.ErrClosed
	}
	return d.flush()
}

func (d *db) flush() error {
	if err := d.f.get(); err != nil {
		return err
	}
	if err := d.rotate(); err != nil {
		return err
	}
	if err := d.await(0); err != nil {
		return err
	}
	return d.f.get()
}

// commit applies a batch, when there is room for it.
func (d *db) commit(b *pebble.Batch) error {
	size := int64(b.Len())
	fill := size + int64(b.Count())*entryOverhead
	d.mem.mu.Lock()
	full := d.mem.filled > 0 && d.mem.filled+fill > d.e.o.MemTableSize
	d.mem.mu.Unlock()
	if full {
		if err := d.rotate(); err != nil {
			return err
		}
	}
	if err := d.await(maxPending); err != nil {
		return err
	}
	if err := d.awaitLevel0(); err != nil {
		return err
	}
	if err := d.f.get(); err != nil {
		return err
	}
	if err := d.p.Apply(b, pebble.NoSync); err != nil {
		return classify(err)
	}
	if err := d.f.readable(); err != nil {
		// Pebble has lost the batch, and goes on as if it had not: see pebbleLogger.Fatalf
		return err
	}
	d.mem.mu.Lock()
	d.mem.committed += size
	d.mem.filled += fill
	full = fill > d.e.o.MemTableSize/2 // it may have become a table of its own, which is full
	d.mem.mu.Unlock()
	d.e.unflushed.Add(size)
	if full {
		if err := d.rotate(); err != nil {
			d.f.fail(err, true)
			return err
		}
	}
	// The batch is in: that another database cannot be flushed is that one's failure.
	_ = d.e.relieve()
	return nil
}

// awaitLevel0 waits while compactions have not kept up with flushes.
func (d *db) awaitLevel0() error {
	if !d.f.level0.Swap(false) {
		return nil
	}
	for d.p.Metrics().Levels[0].Sublevels > maxSublevels {
		select {
		case <-d.f.compacted:
		case <-d.f.failed:
			return d.f.get()
		}
	}
	return nil
}
