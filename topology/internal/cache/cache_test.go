package cache

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
)

// someEntries returns entries of a slab.
func someEntries(s *slab[int], n int) []*Entry[int] {
	all := make([]*Entry[int], n)
	for i := range all {
		all[i] = s.alloc(nil)
	}
	return all
}

// The order of last update against a slice.
func TestOrder(t *testing.T) {
	rnd := seeds.Rand(t)
	var o order[int]
	var s slab[int]
	var want []*Entry[int]
	entries := someEntries(&s, 50)
	remove := func(e *Entry[int]) {
		if i := slices.Index(want, e); i >= 0 {
			want = slices.Delete(want, i, i+1)
		}
	}
	largest := 0
	for range 200_000 {
		e := entries[rnd.IntN(len(entries))]
		switch n := rnd.IntN(1000); {
		case n < 900:
			o.add(&s, e)
			remove(e)
			want = append(want, e)
		case n < 950:
			o.forget(e)
			remove(e)
		case n < 985:
			got := o.take(&s)
			if len(want) == 0 && got == nil {
				continue
			}
			if got != want[0] {
				t.Fatal("another entry than the first")
			}
			want = want[1:]
		case n < 990:
			o.sweep(&s)
		case n < 991:
			for len(want) > 0 {
				if o.take(&s) != want[0] {
					t.Fatal("another entry than the first")
				}
				want = want[1:]
			}
			if o.take(&s) != nil || o.live != 0 {
				t.Fatal("more than there is")
			}
		}
		if o.live != len(want) {
			t.Fatalf("%d live, want %d", o.live, len(want))
		}
		largest = max(largest, cap(o.log))
	}
	if largest > 1000 {
		t.Errorf("the log of 50 entries grew to %d", largest)
	}
}

func TestList(t *testing.T) {
	rnd := seeds.Rand(t)
	l := list{which: byWindow}
	var s slab[int]
	var want []*Entry[int]
	entries := someEntries(&s, 10)
	for range 10_000 {
		e := entries[rnd.IntN(len(entries))]
		if i := slices.Index(want, e); i >= 0 {
			want = slices.Delete(want, i, i+1)
		}
		if rnd.IntN(2) == 0 {
			s.push(&l, e)
			want = append(want, e)
		} else {
			s.remove(&l, e)
		}
		var got, back []*Entry[int]
		for id := l.first; id != 0; id = s.entry(id).at[byWindow].next {
			got = append(got, s.entry(id))
		}
		for id := l.last; id != 0; id = s.entry(id).at[byWindow].prev {
			back = append(back, s.entry(id))
		}
		slices.Reverse(back)
		if !slices.Equal(got, want) || !slices.Equal(back, want) {
			t.Fatal("another order")
		}
	}
}

// Entries keep their keys, short and long, while others come and go, and the memory of those that
// are gone is used again.
func TestSlabKeys(t *testing.T) {
	rnd := seeds.Rand(t)
	var s slab[int]
	var live []*Entry[int]
	want := map[*Entry[int]]string{}
	for n := range 200_000 {
		if len(live) < 300 && rnd.IntN(2) == 0 || len(live) == 0 {
			key := strings.Repeat("k", rnd.IntN(60)) + strconv.Itoa(n)
			e := s.alloc([]byte(key))
			if want[e] != "" {
				t.Fatal("an entry that is in use")
			}
			live, want[e] = append(live, e), key
			continue
		}
		i := rnd.IntN(len(live))
		e := live[i]
		if got := string(s.key(e)); got != want[e] || !e.used || s.entry(e.ID) != e {
			t.Fatalf("key %q, want %q", got, want[e])
		}
		delete(want, e)
		s.recycle(e)
		live[i] = live[len(live)-1]
		live = live[:len(live)-1]
	}
	for _, e := range live {
		if got := string(s.key(e)); got != want[e] {
			t.Fatalf("key %q, want %q", got, want[e])
		}
	}
	if len(s.chunks) > 2 || len(s.long) > 1<<18 {
		t.Errorf("300 entries take %d chunks and %d bytes of long keys", len(s.chunks), len(s.long))
	}
}

// The index against a map, with hashes that collide.
func TestIndex(t *testing.T) {
	rnd := seeds.Rand(t)
	for range 50 {
		var x index
		spread := uint32(1 + rnd.IntN(1<<rnd.IntN(12)))
		want := map[int32]uint32{} // hashes by number
		for n := range int32(3000) {
			if rnd.IntN(3) > 0 {
				hash := rnd.Uint32() % spread << (rnd.IntN(2) * 16)
				x.add(hash, n+1)
				want[n+1] = hash
			}
			if k := 1 + rnd.Int32N(n+1); rnd.IntN(2) == 0 {
				if hash, ok := want[k]; ok {
					x.remove(hash, k)
					delete(want, k)
				}
			}
		}
		if x.n != len(want) {
			t.Fatalf("%d numbers, want %d", x.n, len(want))
		}
		slots := 0
		for _, s := range x.slots {
			if s != 0 {
				slots++
			}
		}
		if slots != len(want) {
			t.Fatalf("%d slots are taken, want %d", slots, len(want))
		}
		mask := len(x.slots) - 1
		for number, hash := range want {
			for at := int(hash) & mask; x.slots[at] != uint64(hash)<<32|uint64(number); at = (at + 1) & mask {
				if x.slots[at] == 0 {
					t.Fatalf("number %d is not found", number)
				}
			}
		}
	}
}

// Headers outlive the record that they came with.
func TestHeadersAreCopied(t *testing.T) {
	var l Log
	l.keep(7, nil)
	if l.lists != nil || l.Headers(7) != nil {
		t.Error("room for headers that nobody has")
	}
	b := []byte("value")
	l.keep(3, []Header{{Key: "a", Value: b}, {Key: "nil"}, {Key: "empty", Value: []byte{}}, {Key: "b", Value: b[:2]}})
	clear(b)
	got := l.Headers(3)
	if len(got) != 4 || string(got[0].Value) != "value" || got[1].Value != nil || got[2].Value == nil || string(got[3].Value) != "va" {
		t.Errorf("%v", got)
	}
	l.keep(3, []Header{{Key: "c", Value: []byte("longer than the values before")}})
	if got := l.Headers(3); len(got) != 1 || string(got[0].Value) != "longer than the values before" {
		t.Errorf("%v", got)
	}
	l.keep(3, nil)
	if l.Headers(3) != nil || l.Headers(0) != nil || l.Headers(4) != nil {
		t.Error("not forgotten")
	}
}
