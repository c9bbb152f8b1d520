package processortest

import (
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
)

// Entry is an entry of a store.
type Entry[K, V any] struct {
	Partition int32
	// Window is the start of the window, WindowEnd its end, in milliseconds; 0 in stores without
	// windows. The end is part of a session or a sliding window, and of no other.
	Window, WindowEnd int64
	Key               K
	Value             V
	// Timestamp is the entry's, in stores that keep one.
	Timestamp int64
}

// Entries are the entries of a store.
type Entries[K, V any] []Entry[K, V]

// Get returns the value of a key in a store without windows. Keys are compared as reflect.DeepEqual
// does.
func (e Entries[K, V]) Get(key K) (v V, ok bool) { return e.GetWindow(key, 0) }

// GetWindow returns the value of a key in the window that starts at a time, in milliseconds.
func (e Entries[K, V]) GetWindow(key K, start int64) (v V, ok bool) {
	for _, one := range e {
		if one.Window == start && reflect.DeepEqual(one.Key, key) {
			return one.Value, true
		}
	}
	return v, false
}

// Store returns the committed entries of a store, by partition, window and key bytes; or those of a
// global table, by the name of its topic. A store that holds more than keys and values, as that of
// an InOrder, ends the test: [Driver.Dump] has its bytes.
func (d *Driver) Store[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) Entries[K, V] {
	d.t.Helper()
	var all Entries[K, V]
	found := false
	for _, r := range d.tasks {
		for _, s := range r.sub.Stores {
			if s.Name != name {
				continue
			}
			found = true
			if !s.Kind.Entries() {
				d.t.Fatalf("processortest: store %q is of the kind %s, whose entries are no keys and values: look at Dump", name, s.Kind)
			}
			codec := changelog.Spec{ByKey: s.Kind.ByKey()}
			d.dump(r, s, func(k, v []byte) {
				if !codec.Logged(k) {
					return // it leads to another row
				}
				e := Entry[K, V]{Partition: r.partition}
				switch {
				case s.Kind == flow.SessionStore:
					e.WindowEnd, e.Window, k = int64(binary.BigEndian.Uint64(k)), int64(binary.BigEndian.Uint64(k[8:])), k[16:]
				case s.Kind.Windowed():
					e.Window, k = int64(binary.BigEndian.Uint64(k)), k[8:]
					e.WindowEnd = e.Window + s.Shape.Size.Milliseconds()
					if s.Shape.Windows == "cumulating" { // a row begins with that of the last step
						size, step := s.Shape.Size.Milliseconds(), s.Shape.Advance.Milliseconds()
						e.Window, e.WindowEnd = e.Window/size*size, e.Window+step
					}
				}
				if s.Timestamped {
					e.Timestamp, v = int64(binary.BigEndian.Uint64(v)), v[8:]
				}
				e.Key, _ = decode(d.t, key, k)
				e.Value, _ = decode(d.t, value, v)
				all = append(all, e)
			})
		}
	}
	if g := d.globals[name]; g != nil {
		found = true
		err := g.Scan(nil, nil, func(k, v []byte) (bool, error) {
			var e Entry[K, V]
			e.Key, _ = decode(d.t, key, k)
			e.Value, _ = decode(d.t, value, v)
			all = append(all, e)
			return true, nil
		})
		if err != nil {
			d.t.Fatalf("processortest: global table %q: %v", name, err)
		}
	}
	if !found {
		d.t.Fatalf("processortest: the plan has no store %q", name)
	}
	return all
}

// Dump returns the committed bytes of all stores of all tasks, by "task store" and the hexadecimal
// key.
func (d *Driver) Dump() map[string]map[string]string {
	d.t.Helper()
	all := map[string]map[string]string{}
	for _, r := range d.tasks {
		for _, s := range r.sub.Stores {
			m := map[string]string{}
			d.dump(r, s, func(k, v []byte) { m[hex(k)] = hex(v) })
			all[r.id().String()+" "+s.Name] = m
		}
	}
	return all
}

// dump calls fn for each committed entry of a store.
func (d *Driver) dump(r *running, s flow.StoreSpec, fn func(k, v []byte)) {
	d.t.Helper()
	prefix, err := r.checkpoint.Prefix(s.Name)
	if err == nil {
		err = r.task.Persist()
	}
	if err != nil {
		d.t.Fatalf("processortest: store %q: %v", s.Name, err)
	}
	lo := binary.BigEndian.AppendUint16(nil, prefix)
	hi := binary.BigEndian.AppendUint16(nil, prefix+1)
	err = r.db.Scan(lo, hi, func(k, v []byte) (bool, error) {
		fn(k[2:], v)
		return true, nil
	})
	if err != nil {
		d.t.Fatalf("processortest: store %q: %v", s.Name, err)
	}
}

func hex(b []byte) string { return fmt.Sprintf("%x", b) }
