package checkpoint_test

import (
	"testing"

	"github.com/kolkstream/kolk/checkpoint"
)

// BenchmarkMetadata is what a commit keeps beside an offset, and reading it back: two changelogs.
func BenchmarkMetadata(b *testing.B) {
	m := checkpoint.Metadata{TransactionalID: "application-0123456789abcdef-1", Seq: 1 << 20, Ref: 1_767_225_600_000, Changelogs: []checkpoint.ChangelogEnd{
		{Store: "counts", TopicID: [16]byte{1}, Offset: 1 << 40}, {Store: "latest", TopicID: [16]byte{2}, Offset: 1 << 30},
	}}
	s, err := m.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.Encode(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := checkpoint.ParseMetadata(s); err != nil {
				b.Fatal(err)
			}
		}
	})
}
