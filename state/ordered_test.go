package state_test

import (
	"bytes"
	"encoding/binary"
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

// TestOrdered scans a store again and again while it grows, from and to any keys: short ones, long
// ones, with beginnings in common that become shorter, rising and falling.
func TestOrdered(t *testing.T) {
	r := seeds.Rand(t)
	for range 30 {
		o := state.NewOverlay(openDB(t))
		s := o.Open(1)
		var want []string
		prefix := bytes.Repeat([]byte{'p'}, r.IntN(12))
		kind, n := r.IntN(3), r.IntN(3000)
		number := func() []byte { return binary.BigEndian.AppendUint32(nil, r.Uint32N(1<<r.IntN(32))) }
		for i := range n {
			key := slices.Clone(prefix[:len(prefix)-min(len(prefix), r.IntN(200)/195)])
			switch kind {
			case 0:
				key = append(key, number()[r.IntN(4):]...)
			case 1:
				key = binary.BigEndian.AppendUint32(key, uint32(i))
			default:
				key = binary.BigEndian.AppendUint64(key, uint64(n-i))
			}
			s.Put(key, nil)
			if at, there := slices.BinarySearch(want, string(key)); !there {
				want = slices.Insert(want, at, string(key))
			}
			if r.IntN(50) > 0 {
				continue
			}
			lo, hi := append(slices.Clone(prefix), number()[r.IntN(4):]...), append(slices.Clone(prefix), number()...)
			var got []string
			if err := s.Scan(lo, hi, func(k, _ []byte) (bool, error) { got = append(got, string(k)); return true, nil }); err != nil {
				t.Fatal(err)
			}
			from, _ := slices.BinarySearch(want, string(lo))
			to, _ := slices.BinarySearch(want, string(hi))
			if all := want[from:max(from, to)]; !slices.Equal(got, all) {
				t.Fatalf("from %x to %x: %x, want %x", lo, hi, got, all)
			}
			if r.IntN(3) == 0 {
				o.Commit()
			}
		}
	}
}
