// Package wiretime carries times of records through a client that cannot hold them all.
//
// kolk's times are 64-bit milliseconds, as Kafka's are. The client takes and hands out [time.Time],
// and goes through nanoseconds since 1970 in an int64 on the way: what lies outside 1677 to 2262
// wraps. What kolk writes and what lies outside [0, Max] goes into a header, with the nearest end
// on the wire; what others have written is computed back, which is exact within a range that is far
// larger.
package wiretime

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Header is the key of the header with the exact time. docs/format/headers.md describes its value
// byte by byte.
const Header = "kolk-timestamp"

// Max is the largest time, in milliseconds, that the client writes as it is:
// 2262-04-11T23:47:16.854Z. The smallest is 0, for other clients, and the broker's compaction, take
// a negative timestamp for an error or for none.
const Max int64 = math.MaxInt64 / 1_000_000

const version = 1

// Fits reports whether a time goes without a header.
func Fits(ms int64) bool { return uint64(ms) <= uint64(Max) }

// Wire returns the timestamp that a message of that time has on the wire: the time itself where it
// fits, else the nearest end.
func Wire(ms int64) int64 { return min(max(ms, 0), Max) }

// Append appends the value of Header.
func Append(dst []byte, ms int64) []byte { return binary.AppendVarint(append(dst, version), ms) }

// Parse decodes the value of Header.
func Parse(b []byte) (int64, error) {
	if len(b) < 2 {
		return 0, fmt.Errorf("header %s of %d bytes", Header, len(b))
	}
	if b[0] != version {
		return 0, fmt.Errorf("header %s of version %d, which a newer kolk has written", Header, b[0])
	}
	ms, n := binary.Varint(b[1:])
	if n != len(b)-1 {
		return 0, fmt.Errorf("header %s: malformed", Header)
	}
	return ms, nil
}

// Exact returns the time of a message with that header and that timestamp on the wire. A header
// that does not belong to the timestamp says nothing: somebody has copied headers to a message of
// another time, or the broker has set its own.
func Exact(wire int64, header []byte) (int64, error) {
	ms, err := Parse(header)
	if err != nil || Wire(ms) != wire {
		return wire, err
	}
	return ms, nil
}

// Of returns the time of a fetched message.
func Of(r *kgo.Record) (int64, error) {
	ms := Millis(r.Timestamp)
	for i := range r.Headers {
		if r.Headers[i].Key == Header {
			if at, err := Exact(ms, r.Headers[i].Value); err != nil || at != ms {
				return at, err
			}
		}
	}
	return ms, nil
}

// Set gives a message its time, with a header where it needs one. The message's own headers come
// first.
func Set(r *kgo.Record, ms int64) {
	r.Timestamp = time.UnixMilli(Wire(ms))
	if !Fits(ms) {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: Header, Value: Append(nil, ms)})
	}
}

// inverse of 5^6 modulo 2^58.
const inverse = 0x10fb65668c26139

// Millis returns the milliseconds that the client has made t of, exact for -2^57 <= ms < 2^57, four
// and a half million years to both sides of 1970. The client computes ms * 10^6 modulo 2^64, which
// is ms * 5^6 * 2^6: of the 64 bits of ms the upper six are lost, and the others are found by the
// inverse of 5^6. What lies outside is taken for the time in the range that has the same 58 bits.
func Millis(t time.Time) int64 {
	ms := uint64(t.UnixNano()) >> 6 * inverse
	return int64(ms<<6) >> 6
}
