package ops

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

func seeded(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	if s := os.Getenv("KOLK_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("KOLK_SEED: %v", err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("KOLK_SEED=%d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

// The order of last update against a slice.
func TestOrder(t *testing.T) {
	rnd := seeded(t)
	var o order[int]
	var want []*entry[int]
	entries := make([]*entry[int], 50)
	for i := range entries {
		entries[i] = new(entry[int])
	}
	remove := func(e *entry[int]) {
		if i := slices.Index(want, e); i >= 0 {
			want = slices.Delete(want, i, i+1)
		}
	}
	largest := 0
	for range 200_000 {
		e := entries[rnd.IntN(len(entries))]
		switch n := rnd.IntN(1000); {
		case n < 900:
			o.add(e)
			remove(e)
			want = append(want, e)
		case n < 950:
			o.forget(e)
			remove(e)
		case n < 990:
			got := o.take()
			if len(want) == 0 && got == nil {
				continue
			}
			if got != want[0] {
				t.Fatal("another entry than the first")
			}
			want = want[1:]
		case n < 991:
			for len(want) > 0 {
				if o.take() != want[0] {
					t.Fatal("another entry than the first")
				}
				want = want[1:]
			}
			if o.take() != nil || o.live != 0 {
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
	rnd := seeded(t)
	l := list[int]{which: byWindow}
	var want []*entry[int]
	entries := make([]*entry[int], 10)
	for i := range entries {
		entries[i] = new(entry[int])
	}
	for range 10_000 {
		e := entries[rnd.IntN(len(entries))]
		if i := slices.Index(want, e); i >= 0 {
			want = slices.Delete(want, i, i+1)
		}
		if rnd.IntN(2) == 0 {
			l.push(e)
			want = append(want, e)
		} else {
			l.remove(e)
		}
		var got, back []*entry[int]
		for e := l.first; e != nil; e = e.at[byWindow].next {
			got = append(got, e)
		}
		for e := l.last; e != nil; e = e.at[byWindow].prev {
			back = append(back, e)
		}
		slices.Reverse(back)
		if !slices.Equal(got, want) || !slices.Equal(back, want) {
			t.Fatal("another order")
		}
	}
}

// first against trying all starts.
func TestFirstWindow(t *testing.T) {
	rnd := seeded(t)
	for range 20_000 {
		s := Spans{Size: 1 + rnd.Int64N(50)}
		s.Advance = 1 + rnd.Int64N(s.Size)
		ts := rnd.Int64N(200)
		want := int64(0)
		for ts >= want+s.Size {
			want += s.Advance
		}
		if got := s.first(ts); got != want {
			t.Fatalf("%+v at %d: %d, want %d", s, ts, got, want)
		}
	}
}

func TestMutable(t *testing.T) {
	type plain struct {
		A int
		B string
		C [3]float64
		D struct{ E bool }
		T time.Time
	}
	type holder struct {
		A int
		B struct{ C []int }
	}
	for name, ok := range map[string]bool{
		"int":          !Mutable[int](),
		"string":       !Mutable[string](),
		"plain":        !Mutable[plain](),
		"empty":        !Mutable[[0]*int](),
		"time":         !Mutable[time.Time](),
		"bytes":        Mutable[[]byte](),
		"map":          Mutable[map[string]int](),
		"pointer":      Mutable[*plain](),
		"interface":    Mutable[any](),
		"holder":       Mutable[holder](),
		"array":        Mutable[[2]*int](),
		"func":         Mutable[func()](),
		"channel":      Mutable[chan int](),
		"opt of plain": !Mutable[Opt[plain]](),
	} {
		if !ok {
			t.Errorf("%s: wrong", name)
		}
	}
}

// Headers outlive the record that they came with.
func TestHeadersAreCopied(t *testing.T) {
	e := new(entry[int])
	b := []byte("value")
	e.keep([]Header{{Key: "a", Value: b}, {Key: "nil"}, {Key: "empty", Value: []byte{}}, {Key: "b", Value: b[:2]}})
	clear(b)
	got := e.recorded()
	if len(got) != 4 || string(got[0].Value) != "value" || got[1].Value != nil || got[2].Value == nil || string(got[3].Value) != "va" {
		t.Errorf("%v", got)
	}
	e.keep([]Header{{Key: "c", Value: []byte("longer than the values before")}})
	if got := e.recorded(); len(got) != 1 || string(got[0].Value) != "longer than the values before" {
		t.Errorf("%v", got)
	}
	e.keep(nil)
	if e.recorded() != nil {
		t.Error("not forgotten")
	}
}
