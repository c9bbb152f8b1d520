package changelog_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
)

// BenchmarkRestore reads 4 partitions of 250,000 records of 116 bytes each, at once, from the
// embedded broker.
func BenchmarkRestore(b *testing.B) {
	const partitions, records = 4, 250_000
	c := cluster(b)
	cl := client(b, c, kgo.ProducerBatchCompression(kgo.NoCompression()))
	createTopic(b, cl, "log", partitions)
	value := make([]byte, 100)
	for p := range int32(partitions) {
		for i := range records {
			cl.Produce(b.Context(), &kgo.Record{Topic: "log", Partition: p, Key: fmt.Appendf(nil, "%016d", i), Value: value}, nil)
		}
	}
	if err := cl.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		r := restorer(b, c, changelog.Config{})
		var wg sync.WaitGroup
		for p := range int32(partitions) {
			wg.Go(func() {
				got := 0
				_, err := r.Restore(b.Context(), changelog.Request{Topic: "log", Partition: p, Spec: changelog.Spec{Timestamped: true},
					Apply: func(changes []changelog.Change, _ int64) error { got += len(changes); return nil }})
				if err != nil || got != records {
					b.Error(got, err)
				}
			})
		}
		wg.Wait()
		r.Close()
	}
	b.ReportMetric(float64(n*partitions*records)/b.Elapsed().Seconds(), "records/s")
}
