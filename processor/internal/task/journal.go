package task

import (
	"errors"
	"time"

	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/state"
)

// journal has the task's state: what its transaction has written, what is committed, and what of
// that is in the database. It brings one to the next.
type journal struct {
	db         state.DB
	checkpoint *checkpoint.Checkpoint
	overlay    *state.Overlay

	seq    uint64    // of the last commit
	at     time.Time // of the last commit
	logged int64     // bytes committed since the last persist

	batch  state.Batch       // kept for the next time
	update checkpoint.Update // the same
}

func newJournal(db state.DB, cp *checkpoint.Checkpoint) journal {
	return journal{
		db: db, checkpoint: cp, overlay: state.NewOverlay(db),
		update: checkpoint.Update{Changelogs: map[string]checkpoint.TopicPosition{}, Shapes: map[string]string{}, Inputs: map[string]int64{}},
	}
}

// commit makes what the transaction has written the state.
func (j *journal) commit(seq uint64, at time.Time) {
	j.logged += j.overlay.Size() + 1 // offsets alone, too, are worth writing some time
	j.overlay.Commit()
	j.seq, j.at = seq, at
}

// abort drops what the transaction has written.
func (j *journal) abort() { j.overlay.Reset() }

// persist brings what is committed to the database, as one batch with the positions that fill adds.
// After an error the database is as it was.
func (j *journal) persist(fill func(*checkpoint.Update)) (err error) {
	if j.batch == nil {
		j.batch = j.db.NewBatch()
	}
	defer func() {
		if err != nil { // what the batch holds is not to be in the next one
			err = errors.Join(err, j.close())
		}
	}()
	j.overlay.WriteTo(j.batch)
	clear(j.update.Changelogs)
	clear(j.update.Inputs)
	clear(j.update.Shapes)
	fill(&j.update)
	j.update.Seq, j.update.At = j.seq, j.at
	if err := j.checkpoint.Write(j.batch, j.update); err != nil {
		return err
	}
	if err := j.batch.Commit(); err != nil {
		return err
	}
	j.checkpoint.Applied()
	j.overlay.Written()
	return nil
}

// close releases the batch.
func (j *journal) close() error {
	if j.batch == nil {
		return nil
	}
	err := j.batch.Close()
	j.batch = nil
	return err
}
