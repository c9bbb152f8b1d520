package changelog_test

import (
	"encoding/binary"
	"testing"

	"github.com/kolkstream/kolk/changelog"
)

// BenchmarkCodec is a change on its way to a message and back: a key of 11 bytes, a value of 100.
func BenchmarkCodec(b *testing.B) {
	value := make([]byte, 108)
	binary.BigEndian.PutUint64(value, 1_767_225_600_000)
	for _, c := range []struct {
		name  string
		spec  changelog.Spec
		key   string
		value []byte
	}{
		{"plain", changelog.Spec{Store: "s"}, "user-123456", value},
		{"timestamped", changelog.Spec{Store: "s", Timestamped: true}, "user-123456", value},
		{"windowed", changelog.Spec{Store: "s", Windowed: true, Timestamped: true}, "\x00\x00\x01\x9b\x76\xda\x8c\x00user-123456", value},
	} {
		key := []byte(c.key)
		b.Run("encode/"+c.name, func(b *testing.B) {
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if _, buf, err = c.spec.Encode(buf[:0], key, c.value, false, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
		m, _, err := c.spec.Encode(nil, key, c.value, false, 1)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("decode/"+c.name, func(b *testing.B) {
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if _, buf, err = c.spec.Decode(buf[:0], m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
