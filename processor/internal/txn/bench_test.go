package txn

import "testing"

// BenchmarkCopy is what a message costs before the client gets it: 11 and 100 bytes, acknowledged
// at once or with the transaction of 50,000.
func BenchmarkCopy(b *testing.B) {
	key, value := []byte("user-123456"), make([]byte, 100)
	for name, atOnce := range map[string]bool{"acknowledged-at-once": true, "at-the-end": false} {
		b.Run(name, func(b *testing.B) {
			p := NewProducer(nil, true)
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				r, c := p.place("topic", 0, key, value, 1, nil)
				if atOnce {
					c.promise(r, nil)
				}
				if n++; n%50_000 == 0 {
					p.reset()
				}
			}
		})
	}
}
