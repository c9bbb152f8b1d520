package steps

import (
	"strconv"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

func suppress() step {
	block := &yamlfile.Block{
		Name: "suppress", Doc: "Holds the updates of a table back: of each key the last one comes out, when it has been held long enough.",
		One: []string{"for", "until"},
		Fields: []yamlfile.Field{
			storeName(),
			{Name: "for", Shape: yamlfile.Duration(), Doc: "how long updates are held"},
			{Name: "until", Shape: yamlfile.Enum("window-closes"), Doc: "until when they are held: of windows, until they close"},
			{Name: "max-records", Shape: yamlfile.Number(), Doc: "with time: kafka-streams, how many keys are held at most"},
			{Name: "max-bytes", Shape: yamlfile.Number(), Doc: "with time: kafka-streams, how many bytes are held at most"},
			{Name: "when-full", Shape: yamlfile.Enum("emit", "fail"), Doc: "what is over the bound comes out early (default, with `for`), or is an error of its record"},
		},
	}
	return step{
		Field: yamlfile.Field{Name: "suppress", Shape: yamlfile.One(block), Doc: "holds updates of a table back"},
		advice: []string{
			"say EachUpdate there", "say emit: each-update there", "put InOrder before the table", "put in-order before the table",
			"put Suppress before it", "put suppress before it", "or say KafkaStreamsTime, time: kafka-streams", "or say time: kafka-streams",
			"Or say KafkaStreamsTime, time: kafka-streams", "Or say time: kafka-streams", "or leave Suppress out", "or leave suppress out",
			"leave Final or Suppress out", "leave emit: final or suppress out", "use UntilTimeLimit, or Window before", "use for, or window before",
			"give MaxRecords or MaxBytes, or leave FailWhenFull out", "give max-records or max-bytes, or leave when-full out",
			"Suppress says when", "suppress says when",
		},
		build: ofRows("a table", func(b *builder, f *flow, in viewed, e *yamlfile.Entry) {
			m := e.Mapping
			s := topology.UntilWindowCloses()
			if m.Get("for") != nil {
				s = topology.UntilTimeLimit(duration(m, "for"))
			}
			number := func(field string) int64 {
				// The reader has seen that it is one.
				n, _ := strconv.ParseInt(m.Text(field), 10, 64)
				return n
			}
			if m.Get("max-records") != nil {
				s = s.MaxRecords(number("max-records"))
			}
			if m.Get("max-bytes") != nil {
				s = s.MaxBytes(number("max-bytes"))
			}
			if m.Text("when-full") == "fail" {
				s = s.FailWhenFull()
			}
			f.at = in.suppress(b.call(f, m.At("store")), m.Text("store"), s)
		}),
	}
}

func (t table[V]) suppress(c call, store string, s topology.Suppression) point {
	return made(c, func() table[V] { return table[V]{t.Suppress(store, s)} })
}

func (w windowTable[V]) suppress(c call, store string, s topology.Suppression) point {
	return made(c, func() windowTable[V] { return windowTable[V]{w.Suppress(store, s)} })
}
