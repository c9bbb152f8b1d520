package topoyaml

import (
	"testing"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
)

const benchFlight = `{"date":"2001/01/01 00:47","delay":66,"distance":1750,"origin":"DTW","destination":"LAS"}`

func BenchmarkExpression(b *testing.B) {
	value := testObject(b, benchFlight)
	for _, bench := range []struct{ name, text string }{
		{"path", `value.origin`},
		{"compare", `value.delay > 15`},
		{"and", `value.delay > 15 and value.origin == "DTW"`},
		{"object", `{state: value.origin, delay: value.delay}`},
		{"parseTime", `parseTime(value.date, "2006/01/02 15:04")`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			c := &exprCompiler{lib: functions.NewLibrary()}
			p, mistake := c.compile(bench.text, recordScope(typString, typAny), "bench")
			if mistake != nil {
				b.Fatal(mistake.message)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.eval(&inputs{value: value}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAggregate(b *testing.B) {
	a := aggregationOf(b, typAny, "count()", "count(value.delay > 15)", "sum(value.delay)", "max(value.delay)")
	value := testObject(b, benchFlight)
	var state Value = a.start()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.next(b.Context(), state, &inputs{value: value}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJSON(b *testing.B) {
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := parseJSON([]byte(benchFlight)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("append", func(b *testing.B) {
		v := testObject(b, benchFlight)
		var buf []byte
		b.ReportAllocs()
		for b.Loop() {
			var err error
			if buf, err = appendJSON(buf[:0], v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
