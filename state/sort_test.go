package state_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/state"
)

// recorder is a batch that remembers in which order keys come.
type recorder struct {
	state.Batch
	keys   [][]byte
	values []string
}

func (r *recorder) Set(key, value []byte) {
	r.keys, r.values = append(r.keys, bytes.Clone(key)), append(r.values, string(value))
}
func (r *recorder) Delete(key []byte) { r.Set(key, nil) }

// Each store writes its keys in order, whatever they begin with and however long they are.
func TestWriteToSorts(t *testing.T) {
	r := seeds.Rand(t)
	o := state.NewOverlay(openDB(t))
	for range 300 {
		prefix := bytes.Repeat([]byte{'p'}, r.IntN(12))
		want := map[string]bool{}
		for _, store := range []uint16{1, 2} {
			s := o.Open(store)
			for range r.IntN(60) {
				key := slices.Clone(prefix[:len(prefix)-min(len(prefix), r.IntN(20)/15)])
				for range r.IntN(12) {
					key = append(key, byte(r.IntN(3))*0x7f)
				}
				if r.IntN(4) == 0 {
					s.Delete(key)
				} else {
					s.Put(key, key)
				}
				want[string(append([]byte{0, byte(store)}, key...))] = true
			}
			if r.IntN(3) == 0 {
				_ = s.Scan(nil, nil, func(_, _ []byte) (bool, error) { return true, nil })
			}
		}
		o.Commit()
		var got recorder
		o.WriteTo(&got)
		if !slices.IsSortedFunc(got.keys, bytes.Compare) {
			t.Fatalf("not in order: %x", got.keys)
		}
		for _, k := range got.keys {
			if !want[string(k)] {
				t.Fatalf("%x was written twice, or never", k)
			}
			delete(want, string(k))
		}
		if len(want) > 0 {
			t.Fatalf("not written: %q", slices.Collect(maps.Keys(want)))
		}
		o.Written()
	}
}
