package wiretime

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/seeds"
)

// asClient does to a timestamp on the wire what the client does (kgo's timeFromMillis).
func asClient(ms int64) time.Time { return time.Unix(0, ms*1e6) }

// edges are times at which something happens.
func edges() (all []int64) {
	for _, at := range []int64{0, Max, -Max, 1 << 53, 1 << 56, -1 << 56, 253402214400000, -62135596800000, 1<<57 - 3, -1<<57 + 2, 1<<57 - 1, -1 << 57} {
		for d := int64(-2); d <= 2; d++ {
			if ms := at + d; ms >= -1<<57 && ms < 1<<57 {
				all = append(all, ms)
			}
		}
	}
	return all
}

func TestMillis(t *testing.T) {
	rnd := seeds.Rand(t)
	all := edges()
	for range 200_000 {
		all = append(all, rnd.Int64()>>(6+rnd.IntN(58)), -rnd.Int64()>>(6+rnd.IntN(58)))
	}
	for _, ms := range all {
		if got := Millis(asClient(ms)); got != ms {
			t.Fatalf("%d on the wire is read as %d", ms, got)
		}
		if got := Millis(time.UnixMilli(ms)); got != ms { // as the client should do it
			t.Fatalf("%d is read as %d", ms, got)
		}
	}
}

// What lies outside is the same modulo 2^58, by arithmetic that does not wrap.
func TestMillisOutside(t *testing.T) {
	for _, ms := range []int64{1 << 57, -1<<57 - 1, math.MaxInt64, math.MinInt64, 1 << 62} {
		m := new(big.Int).Lsh(big.NewInt(1), 58)
		want := new(big.Int).Mod(big.NewInt(ms), m)
		if want.Cmp(new(big.Int).Lsh(big.NewInt(1), 57)) >= 0 {
			want.Sub(want, m)
		}
		if got := Millis(asClient(ms)); got != want.Int64() {
			t.Errorf("%d: %d, want %v", ms, got, want)
		}
	}
}

// Every int64 goes there and back with the header, and the client's own arithmetic leaves the
// wire's timestamp alone.
func TestHeader(t *testing.T) {
	for _, ms := range append(edges(), math.MaxInt64, math.MinInt64, math.MaxInt64-1, 1<<60) {
		r := &kgo.Record{Headers: []kgo.RecordHeader{{Key: "h"}}}
		Set(r, ms)
		written := r.Timestamp.UnixNano() / 1e6 // as kgo's sink does
		if fits := ms >= 0 && ms <= 9223372036854; fits != (len(r.Headers) == 1) || fits && written != ms || written < 0 {
			t.Errorf("%d: %d on the wire, headers %v", ms, written, r.Headers)
		}
		r.Timestamp = asClient(written)
		if got, err := Of(r); err != nil || got != ms {
			t.Errorf("%d came back as %d, %v", ms, got, err)
		}
	}
}

func TestHeaderOfAnotherTime(t *testing.T) {
	for _, wire := range []int64{0, 5, Max - 1} { // not the end that the header belongs to
		if got, err := Exact(wire, Append(nil, Max+1)); err != nil || got != wire {
			t.Errorf("%d: %d, %v", wire, got, err)
		}
	}
	if got, err := Exact(Max, Append(nil, 7)); err != nil || got != Max {
		t.Errorf("a time that fits in the header: %d, %v", got, err)
	}
	for _, b := range [][]byte{nil, {1}, {2, 4}, {1, 0x80}, {1, 4, 4}} {
		if _, err := Exact(Max, b); err == nil {
			t.Errorf("%x was read", b)
		}
	}
}

// Bytes as docs/format/headers.md has them.
func TestHeaderBytes(t *testing.T) {
	if got := Append(nil, 253402214400000); string(got) != "\x01\x80\x80\xcc\xcf\xf9\x9d\x73" {
		t.Errorf("% x", got)
	}
}

func BenchmarkMillis(b *testing.B) {
	at := time.UnixMilli(1_700_000_000_000)
	for b.Loop() {
		_ = Millis(at)
	}
}
