package worker

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestSnappyBlocks: what is compressed is what comes out of the client's decompressor, and is
// framed as xerial's stream.
func TestSnappyBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	out := kgo.DefaultDecompressor()
	var dst bytes.Buffer
	for _, n := range []int{1, 100, snappyBlock - 1, snappyBlock, snappyBlock + 1, 10*snappyBlock + 7, 1 << 20} {
		for _, random := range []bool{false, true} {
			src := make([]byte, n)
			for i := range src {
				if src[i] = byte(i / 100); random {
					src[i] = byte(r.Uint32())
				}
			}
			dst.Reset()
			got, codec := snappyBlocks{}.Compress(&dst, src)
			if codec != kgo.CodecSnappy {
				t.Fatalf("codec %v", codec)
			}
			back, err := out.Decompress(bytes.Clone(got), codec)
			if err != nil || !bytes.Equal(back, src) {
				t.Fatalf("%d bytes, random %v: the client unpacks something else: %v", n, random, err)
			}
			if !random && n > snappyBlock && len(got) > n/5 {
				t.Errorf("%d bytes of zeros and the like become %d", n, len(got))
			}
			rest, ok := bytes.CutPrefix(got, []byte("\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01"))
			if !ok {
				t.Fatalf("begins with %x", got[:16])
			}
			var plain []byte
			for len(rest) > 0 {
				size := binary.BigEndian.Uint32(rest)
				block, err := s2.Decode(nil, rest[4:4+size])
				if err != nil || len(block) > 32<<10 {
					t.Fatalf("%d bytes, random %v: a block of %d: %v", n, random, len(block), err)
				}
				plain, rest = append(plain, block...), rest[4+size:]
			}
			if !bytes.Equal(plain, src) {
				t.Fatalf("%d bytes, random %v: the blocks are not what was compressed", n, random)
			}
		}
	}
}

// TestCompressor: what a program prefers holds.
func TestCompressor(t *testing.T) {
	for _, c := range []struct {
		codec kgo.CompressionCodec
		ours  bool
	}{{kgo.SnappyCompression(), true}, {kgo.ZstdCompression(), false}, {kgo.NoCompression(), false}} {
		cl, err := kgo.NewClient((&session{Worker: &Worker{cfg: Config{Codec: c.codec}}}).compressor())
		if err != nil {
			t.Fatal(err)
		}
		_, ours := cl.OptValue(kgo.WithCompressor).(snappyBlocks)
		codecs := cl.OptValue(kgo.ProducerBatchCompression).([]kgo.CompressionCodec)
		if ours != c.ours || !ours && codecs[0] != c.codec {
			t.Errorf("%+v: blocks %v, codecs %+v", c.codec, ours, codecs)
		}
		cl.Close()
	}
}
