package worker

import (
	"bytes"
	"encoding/binary"

	"github.com/klauspost/compress/s2"
	"github.com/twmb/franz-go/pkg/kgo"
)

// compressor returns the option that compresses with snappy, unless the program has asked for
// something else: it takes a quarter of lz4's CPU time in Go, for about the same size; see
// docs/performance.md.
func (s *session) compressor() kgo.Opt {
	if s.cfg.Codec == kgo.SnappyCompression() {
		return kgo.WithCompressor(snappyBlocks{})
	}
	return kgo.ProducerBatchCompression(s.cfg.Codec, kgo.NoCompression())
}

// snappyBlocks compresses batches as the Java client does: snappy in blocks of 32 KiB, in the frame
// of the xerial library. A block's hash table stays in the processor's nearest cache; and Apache
// Kafka, which unpacks every batch to check it, unpacks such blocks into a buffer that it keeps,
// but a batch in one piece into a new array of its size.
type snappyBlocks struct{}

const snappyBlock = 32 << 10

// xerialHeader is the frame's name, its version, and the oldest version that can read it.
var xerialHeader = [...]byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1}

// Compress implements kgo.Compressor.
func (snappyBlocks) Compress(dst *bytes.Buffer, src []byte, _ ...kgo.CompressFlag) ([]byte, kgo.CompressionCodecType) {
	blocks := (len(src) + snappyBlock - 1) / snappyBlock
	dst.Grow(len(xerialHeader) + blocks*(4+s2.MaxEncodedLen(snappyBlock)))
	out := append(dst.AvailableBuffer(), xerialHeader[:]...)
	for len(src) > 0 {
		block := src[:min(len(src), snappyBlock)]
		src = src[len(block):]
		at := len(out) + 4
		n := len(s2.EncodeSnappy(out[at:cap(out)], block))
		out = binary.BigEndian.AppendUint32(out, uint32(n))[:at+n]
	}
	return out, kgo.CodecSnappy
}
