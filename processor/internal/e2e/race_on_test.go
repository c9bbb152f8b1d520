//go:build race

package e2e

import "github.com/twmb/franz-go/pkg/kgo"

// slow is how many times longer everything takes, roughly: under the race detector the tests do
// less.
const slow = 6

// compression of what the tests and their applications produce. lz4 takes its blocks of 4 MiB from
// a sync.Pool, which forgets on purpose under the race detector; zeroing new ones would be most of
// what the tests do.
func compression() []kgo.Opt {
	snappy, err := kgo.DefaultCompressor(kgo.SnappyCompression())
	if err != nil {
		panic(err)
	}
	return []kgo.Opt{kgo.WithCompressor(snappy)}
}
