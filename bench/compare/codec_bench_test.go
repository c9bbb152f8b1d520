package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// BenchmarkCompression is why kolk compresses with snappy: what producers pay for a batch, what
// consumers do, and what is left of it.
func BenchmarkCompression(b *testing.B) {
	for _, c := range []struct {
		name string
		data []byte
	}{{"values", batch(b, false)}, {"counts", batch(b, true)}, {"flights", flights(b)}} {
		for _, codec := range []struct {
			name  string
			codec kgo.CompressionCodec
		}{{"lz4", kgo.Lz4Compression()}, {"snappy", kgo.SnappyCompression()}, {"zstd-1", kgo.ZstdCompression().WithLevel(1)}} {
			z, err := kgo.DefaultCompressor(codec.codec)
			if err != nil {
				b.Fatal(err)
			}
			var buf bytes.Buffer
			packed, kind := z.Compress(&buf, c.data)
			packed = bytes.Clone(packed)
			b.Run(c.name+"/"+codec.name, func(b *testing.B) {
				b.SetBytes(int64(len(c.data)))
				for b.Loop() {
					buf.Reset()
					z.Compress(&buf, c.data)
				}
				b.ReportMetric(100*float64(len(packed))/float64(len(c.data)), "%left")
			})
			unpack := kgo.DefaultDecompressor()
			b.Run(c.name+"/"+codec.name+"/unpack", func(b *testing.B) {
				b.SetBytes(int64(len(c.data)))
				for b.Loop() {
					if _, err := unpack.Decompress(packed, kind); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// batch is about what a batch of the workloads looks like: events, or their counts.
func batch(tb testing.TB, counts bool) (all []byte) {
	d := data{n: 10_000, keys: 100_000, valueBytes: 100, partitions: 4, seed: 1}
	i := 0
	d.records(events, func(r *kgo.Record) {
		value := r.Value
		if counts {
			value = binary.BigEndian.AppendUint64(nil, uint64(10+i%20))
		}
		// attributes, deltas of time and offset
		all = append(all, 0, byte(i>>6), byte(i), byte(len(r.Key)<<1))
		all = append(all, r.Key...)
		all = append(append(append(all, byte(len(value)<<1)), value...), 0)
		i++
	})
	return all
}

// flights are records of the example, as JSON.
func flights(tb testing.TB) []byte {
	f, err := os.Open("../../examples/flights/data/flights-20k.jsonl.gz")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	b := make([]byte, 1_000_000)
	if _, err := io.ReadFull(z, b); err != nil {
		tb.Fatal(err)
	}
	return b
}
