package task

import (
	"testing"

	"github.com/kolkstream/kolk/topology"
)

// BenchmarkProcess is what the loop costs for each record when the operators do nothing.
func BenchmarkProcess(b *testing.B) {
	for name, inputs := range map[string][]string{"one-input": {"a"}, "two-inputs": {"a", "b"}} {
		b.Run(name, func(b *testing.B) {
			be := newBench(b, inputs...)
			sum := int64(0)
			be.more = func(_ topology.Task, g *topology.Graph) {
				for _, in := range inputs {
					g.Sources[in] = &testSource{func(m *topology.Message) error { sum += m.Ref; return nil }}
				}
			}
			be.open()
			const batch = 1000
			recs := batchOf(0, batch)
			b.ReportAllocs()
			for n := int64(0); n < int64(b.N); n += batch {
				b.StopTimer()
				for _, in := range inputs {
					in := be.task.input(in)
					in.pos, in.ref = 0, topology.NoTime
				}
				b.StartTimer()
				for _, in := range inputs {
					be.task.Enqueue(in, recs[:batch/len(inputs)], batch)
				}
				if _, err := be.task.Process(batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
