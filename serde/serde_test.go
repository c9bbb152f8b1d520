package serde_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"sync"
	"testing"

	"github.com/kolkstream/kolk/serde"
)

// The bytes are those of Kafka's own serializers (org.apache.kafka.common.serialization).
func TestBytes(t *testing.T) {
	check(t, serde.String(), "string", "", "")
	check(t, serde.String(), "string", "gr\u00fc\u00dfe", "gr\xc3\xbc\xc3\x9fe")
	check(t, serde.String(), "string", "not \xff UTF-8", "not \xff UTF-8")
	check(t, serde.StringOf[code](), "string", "ATL", "ATL")
	check(t, serde.Bytes(), "bytes", []byte{}, "")
	check(t, serde.Bytes(), "bytes", []byte{0, 255}, "\x00\xff")
	check(t, serde.Int32(), "int32", 1, "\x00\x00\x00\x01")
	check(t, serde.Int32(), "int32", -2, "\xff\xff\xff\xfe")
	check(t, serde.Int32(), "int32", math.MinInt32, "\x80\x00\x00\x00")
	check(t, serde.Int64(), "int64", 1<<40, "\x00\x00\x01\x00\x00\x00\x00\x00")
	check(t, serde.Int64(), "int64", -1, "\xff\xff\xff\xff\xff\xff\xff\xff")
	check(t, serde.Int64(), "int64", math.MaxInt64, "\x7f\xff\xff\xff\xff\xff\xff\xff")
	check(t, serde.Int(), "int64", -258, "\xff\xff\xff\xff\xff\xff\xfe\xfe")
	check(t, serde.Float64(), "float64", 1.5, "\x3f\xf8\x00\x00\x00\x00\x00\x00")
	check(t, serde.Float64(), "float64", math.Inf(-1), "\xff\xf0\x00\x00\x00\x00\x00\x00")
	check(t, serde.Bool(), "bool", true, "\x01")
	check(t, serde.Bool(), "bool", false, "\x00")
	check(t, serde.JSON[map[string]int](), "json", map[string]int{"b": 1, "a": 2, "": 3}, `{"":3,"a":2,"b":1}`)
	check(t, serde.JSON[point](), "json", point{X: 1, Tags: []string{"<&>"}}, `{"x":1,"Tags":["<&>"]}`)
	check(t, serde.JSON[*point](), "json", nil, `null`)
	check(t, serde.JSON[any](), "json", any("text"), `"text"`)
}

type code string

type point struct {
	X    int `json:"x"`
	Y    int `json:"y,omitzero"`
	Tags []string
}

func check[T any](t *testing.T, s serde.Serde[T], name string, v T, want string) {
	t.Helper()
	if s.Name() != name {
		t.Errorf("name %q, want %q", s.Name(), name)
	}
	prefix := []byte("prefix")
	got, err := s.Append(prefix, v)
	if err != nil || string(got) != "prefix"+want {
		t.Errorf("%s: append %v: %q, %v; want %q", name, v, got, err, "prefix"+want)
		return
	}
	src := got[len("prefix"):]
	back, err := s.Decode(src)
	if err != nil || !reflect.DeepEqual(back, v) {
		t.Errorf("%s: decode %q: %v, %v; want %v", name, src, back, err, v)
	}
	for i := range src {
		src[i] ^= 0x55
	}
	if !reflect.DeepEqual(back, v) {
		t.Errorf("%s: Decode kept its input", name)
	}
}

func TestNaNIsOne(t *testing.T) {
	for _, bits := range []uint64{0x7ff8000000000001, 0xfff8000000000000, 0x7ff0000000000001} {
		got, err := serde.Float64().Append(nil, math.Float64frombits(bits))
		if err != nil || string(got) != "\x7f\xf8\x00\x00\x00\x00\x00\x00" {
			t.Errorf("NaN %x: % x, %v", bits, got, err)
		}
	}
}

func TestMalformed(t *testing.T) {
	malformed(t, serde.Int32(), "", "\x00\x00\x00", "\x00\x00\x00\x00\x00")
	malformed(t, serde.Int64(), "", "1234567", "123456789")
	malformed(t, serde.Int(), "", "1234567", "123456789")
	malformed(t, serde.Float64(), "", "1234567", "123456789")
	malformed(t, serde.Bool(), "", "\x02", "\x00\x00")
	malformed(t, serde.JSON[point](), "", "{", "{} {}", `{"x":"one"}`, `{"x":1.5}`, "nul", "\xff")
}

func malformed[T any](t *testing.T, s serde.Serde[T], inputs ...string) {
	t.Helper()
	var zero T
	for _, src := range inputs {
		v, err := s.Decode([]byte(src))
		if !errors.Is(err, serde.ErrMalformed) || !reflect.DeepEqual(v, zero) {
			t.Errorf("%s: decode %q: %v, %v", s.Name(), src, v, err)
		}
	}
}

func TestFor(t *testing.T) {
	found[string](t, "string")
	found[[]byte](t, "bytes")
	found[int](t, "int64")
	found[int32](t, "int32")
	found[int64](t, "int64")
	found[float64](t, "float64")
	found[bool](t, "bool")
	found[code](t, "")
	found[any](t, "")
	found[error](t, "")
	found[*string](t, "")
	found[point](t, "")
	found[[]string](t, "")
}

func found[T any](t *testing.T, want string) {
	t.Helper()
	s, ok := serde.For[T]()
	if ok != (want != "") || ok && s.Name() != want {
		t.Errorf("%T: %v, want %q", *new(T), ok, want)
	}
	if !ok && s != nil {
		t.Errorf("%T: %v", *new(T), s)
	}
}

func TestJSONErrorsDoNotStick(t *testing.T) {
	s := serde.JSON[map[string]any]()
	for range 10 {
		if _, err := s.Append([]byte("x"), map[string]any{"a": make(chan int)}); err == nil {
			t.Fatal("a channel as JSON")
		}
		got, err := s.Append(nil, map[string]any{"a": 1})
		if err != nil || string(got) != `{"a":1}` {
			t.Fatalf("after an error: %s, %v", got, err)
		}
		if _, err := s.Decode([]byte(`{"b":1,`)); err == nil {
			t.Fatal("half an object")
		}
		// Nothing of the failed value is left.
		if v, err := s.Decode([]byte(`{"a":true}`)); err != nil || fmt.Sprint(v) != "map[a:true]" {
			t.Fatalf("after an error: %v, %v", v, err)
		}
	}
}

func TestJSONConcurrently(t *testing.T) {
	s := serde.JSON[point]()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 1000 {
				want := point{X: g*1000 + i, Tags: []string{fmt.Sprint(g)}}
				b, err := s.Append(nil, want)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := s.Decode(b); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%v, %v; want %v", got, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

type flat struct {
	N, M int64
	F    float64
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		return // the race detector makes sync.Pool forget at random
	}
	allocations(t, serde.String(), "state", 1)
	allocations(t, serde.Bytes(), []byte("state"), 1)
	allocations(t, serde.Int32(), 7, 0)
	allocations(t, serde.Int64(), 7, 0)
	allocations(t, serde.Int(), 7, 0)
	allocations(t, serde.Float64(), 7, 0)
	allocations(t, serde.Bool(), true, 0)
	allocations(t, serde.JSON[flat](), flat{1, 2, 3}, 0)
}

// allocations: Append makes none, Decode those that the value itself needs.
func allocations[T any](t *testing.T, s serde.Serde[T], v T, decode float64) {
	t.Helper()
	dst := make([]byte, 0, 100)
	if n := testing.AllocsPerRun(200, func() { _, _ = s.Append(dst, v) }); n != 0 {
		t.Errorf("%s: append: %v allocations", s.Name(), n)
	}
	src, _ := s.Append(nil, v)
	if n := testing.AllocsPerRun(200, func() { _, _ = s.Decode(src) }); n != decode {
		t.Errorf("%s: decode: %v allocations, want %v", s.Name(), n, decode)
	}
}

func BenchmarkAppend(b *testing.B) {
	benchmarkAppend(b, serde.String(), "delays-by-state")
	benchmarkAppend(b, serde.Int64(), 42)
	benchmarkAppend(b, serde.Float64(), 42)
	benchmarkAppend(b, serde.JSON[flat](), flat{1, 2, 3})
}

func benchmarkAppend[T any](b *testing.B, s serde.Serde[T], v T) {
	b.Run(s.Name(), func(b *testing.B) {
		b.ReportAllocs()
		var dst []byte
		for b.Loop() {
			dst, _ = s.Append(dst[:0], v)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	benchmarkDecode(b, serde.String(), "delays-by-state")
	benchmarkDecode(b, serde.Int64(), 42)
	benchmarkDecode(b, serde.Float64(), 42)
	benchmarkDecode(b, serde.JSON[flat](), flat{1, 2, 3})
}

func benchmarkDecode[T any](b *testing.B, s serde.Serde[T], v T) {
	src, _ := s.Append(nil, v)
	b.Run(s.Name(), func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Decode(src); err != nil {
				b.Fatal(err)
			}
		}
	})
}
