package task

import (
	"testing"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology"
)

// BenchmarkProcess is what the loop costs for each record when the operators do nothing.
func BenchmarkProcess(b *testing.B) {
	for name, inputs := range map[string][]string{"one-input": {"a"}, "two-inputs": {"a", "b"}} {
		b.Run(name, func(b *testing.B) {
			be := newBench(b, inputs...)
			sum := int64(0)
			be.more = func(_ flow.Task, g *flow.Graph) {
				for _, in := range inputs {
					g.Sources[in] = &testSource{func(m *flow.Message) error { sum += m.Ref; return nil }}
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

// BenchmarkHeaders are those of repartition topics: lateness, and an announcement of time.
func BenchmarkHeaders(b *testing.B) {
	var buf []byte
	b.Run("late", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf = appendLate(buf[:0], 2987)
			if late, err := parseLate(buf); late != 2987 || err != nil {
				b.Fatal(late, err)
			}
		}
	})
	b.Run("time", func(b *testing.B) {
		a := announcement{sub: []byte("s0"), partition: 7, time: 1_767_225_600_000, flags: caughtUp}
		b.ReportAllocs()
		for b.Loop() {
			buf = a.append(buf[:0])
			var got announcement
			if err := got.parse(buf); got.time != a.time || err != nil {
				b.Fatal(got, err)
			}
		}
	})
}
