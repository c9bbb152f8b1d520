// Package restore owns the local state of an instance: its directory, the databases of its tasks,
// and how a database is brought to what the changelog holds before its task may run.
package restore

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gofrs/flock"

	"github.com/kolkstream/kolk/processor/internal/assign"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/state"
)

// Dir is the locked state directory of one instance of one application. It holds:
//
//	lock               held by the process that uses the directory
//	instance.json      application, cluster, instance id
//	tasks/SUB/N        the database of task SUB/N
//	globals/NAME       the database of a global table
type Dir struct {
	path     string
	lock     *flock.Flock
	instance Instance
}

// Instance is the identity of a state directory.
type Instance struct {
	Format      int    `json:"format"`
	Application string `json:"application"`
	Cluster     string `json:"cluster"`
	// ID names the instance for the consumer group and its transactions. It is made once.
	ID string `json:"instance"`
}

const dirFormat = 1

// LongestInstance is an instance's id as long as they are.
const LongestInstance = "XXXXXXXXXXXXX"

// OpenDir locks the directory, and makes it where there is none. It fails with [state.ErrInUse] if
// another process has it, and with a *[report.ForeignStateError] if it belongs to another
// application or cluster.
func OpenDir(path, application, cluster string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	d := &Dir{path: path, lock: flock.New(filepath.Join(path, "lock"))}
	ok, err := d.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("state directory %s: lock: %w", path, err)
	}
	if !ok {
		return nil, fmt.Errorf("state directory %s: %w by another process: give each instance a directory of its own", path, state.ErrInUse)
	}
	if err := d.identify(application, cluster); err != nil {
		return nil, errors.Join(err, d.lock.Unlock())
	}
	return d, nil
}

func (d *Dir) identify(application, cluster string) error {
	name := filepath.Join(d.path, "instance.json")
	b, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.instance = Instance{Format: dirFormat, Application: application, Cluster: cluster, ID: rand.Text()[:len(LongestInstance)]}
		b, err := json.Marshal(d.instance)
		if err != nil {
			return err
		}
		// Renamed into place, so that a crash leaves the whole file or none.
		if err := writeFile(name+".new", append(b, '\n')); err != nil {
			return fmt.Errorf("state directory: %w", err)
		}
		return os.Rename(name+".new", name)
	case err != nil:
		return fmt.Errorf("state directory: %w", err)
	}
	if err := json.Unmarshal(b, &d.instance); err != nil || d.instance.ID == "" {
		return fmt.Errorf("state directory: %s is not readable (%v): delete the directory; state is rebuilt from the changelogs", name, err)
	}
	switch i := d.instance; {
	case i.Format != dirFormat:
		return fmt.Errorf("state directory %s has format %d, this program knows %d: delete it; state is rebuilt from the changelogs", d.path, i.Format, dirFormat)
	case i.Application != application:
		return &report.ForeignStateError{Path: d.path, What: "application", Have: i.Application, Want: application}
	case i.Cluster != cluster:
		return &report.ForeignStateError{Path: d.path, What: "cluster", Have: i.Cluster, Want: cluster}
	}
	return nil
}

// writeFile writes a file and makes its content durable.
func writeFile(name string, content []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// Instance returns the identity of the directory.
func (d *Dir) Instance() Instance { return d.instance }

// TaskPath is where a task's database lies.
func (d *Dir) TaskPath(sub string, partition int32) string {
	return filepath.Join(d.path, "tasks", sub, fmt.Sprint(partition))
}

// GlobalPath is where a global table's database lies.
func (d *Dir) GlobalPath(name string) string { return filepath.Join(d.path, "globals", name) }

// Held lists the tasks that have a database here.
func (d *Dir) Held() []assign.Task {
	dirs, _ := filepath.Glob(filepath.Join(d.path, "tasks", "*", "*"))
	var held []assign.Task
	for _, dir := range dirs {
		if n, err := strconv.ParseInt(filepath.Base(dir), 10, 32); err == nil {
			held = append(held, assign.Task{Sub: filepath.Base(filepath.Dir(dir)), Partition: int32(n)})
		}
	}
	return held
}

// Close releases the lock.
func (d *Dir) Close() error { return d.lock.Unlock() }

// putAside moves a database away that cannot be used, and deletes it: first the rename, so that a
// crash never leaves half of it under its name.
func putAside(path string) error {
	aside := path + ".unusable"
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	if err := os.Rename(path, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(aside)
}
