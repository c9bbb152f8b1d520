package worker

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Every size has room for what is asked, wastes at most a fifth, and is found again.
func TestSizes(t *testing.T) {
	last, _ := size(0)
	for n := range 1 << 18 {
		place, capacity := size(n)
		if capacity < n || n > 8 && capacity > n+max(n/4, 1) {
			t.Fatalf("size(%d) = %d", n, capacity)
		}
		if again, same := size(capacity); again != place || same != capacity {
			t.Fatalf("size(%d) = %d at %d, but size(%d) = %d at %d", n, capacity, place, capacity, same, again)
		}
		if place < last || place > last+1 {
			t.Fatalf("size(%d) is at %d, the one before at %d", n, place, last)
		}
		last = place
	}
}

// What is put back has room for everything that it is then given out for, whoever made it.
func TestSizesPut(t *testing.T) {
	var f sizes[int32]
	for n := range 3000 {
		f.put(make([]int32, n))
		for ask := 1; ask < 3000; ask += 7 {
			if s := f.get(ask); cap(s) < ask || len(s) != 0 {
				t.Fatalf("get(%d) gave a slice of %d, with room for %d", ask, len(s), cap(s))
			}
		}
	}
	if s := f.get(1 << 30 >> 2); cap(s) < 1<<28 {
		t.Errorf("room for %d", cap(s))
	}
}

// The room for a batch follows what batches of its codec became lately.
func TestSlabsRatio(t *testing.T) {
	var s slabs
	read := func(codec kgo.CompressionCodecType, packed, unpacked int) {
		s.OnFetchBatchRead(kgo.BrokerMetadata{}, "t", 0, kgo.FetchBatchMetrics{CompressionType: uint8(codec), CompressedBytes: packed, UncompressedBytes: unpacked})
	}
	room := func(codec kgo.CompressionCodecType) int {
		return cap(s.GetDecompressBytes(make([]byte, 10_000), codec))
	}
	if n := room(kgo.CodecLz4); n < 10_000 || n > 14_000 {
		t.Errorf("room for %d at first", n)
	}
	read(kgo.CodecLz4, 1000, 4000)
	read(kgo.CodecLz4, 1000, 2000)
	read(kgo.CodecSnappy, 1000, 1500)
	read(kgo.CodecNone, 0, 0)
	if n := room(kgo.CodecLz4); n < 40_000 || n > 52_000 {
		t.Errorf("room for %d after a batch that became four times as large", n)
	}
	for range 20 {
		read(kgo.CodecLz4, 1000, 2000)
	}
	if n := room(kgo.CodecLz4); n < 38_000 {
		t.Errorf("room for %d, not long after it: batches differ", n)
	}
	if n := room(kgo.CodecSnappy); n < 15_000 || n > 20_000 {
		t.Errorf("room for %d, with another codec", n)
	}
	for range 1000 {
		read(kgo.CodecLz4, 1000, 2000)
	}
	if n := room(kgo.CodecLz4); n < 20_000 || n > 26_000 {
		t.Errorf("room for %d, long after it", n)
	}
	read(kgo.CodecLz4, 1000, 250_000)
	if n := room(kgo.CodecLz4); n > 52_000 {
		t.Errorf("room for %d after a batch of zeros", n)
	}
}
