package topoyaml

import (
	"testing"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/aggregate"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/valuetest"
)

const benchFlight = `{"date":"2001/01/01 00:47","delay":66,"distance":1750,"origin":"DTW","destination":"LAS"}`

func BenchmarkExpression(b *testing.B) {
	flight := valuetest.JSON(b, benchFlight)
	for _, bench := range []struct{ name, text string }{
		{"path", `value.origin`},
		{"compare", `value.delay > 15`},
		{"and", `value.delay > 15 and value.origin == "DTW"`},
		{"object", `{state: value.origin, delay: value.delay}`},
		{"parseTime", `parseTime(value.date, "2006/01/02 15:04")`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			c := expression.NewCompiler()
			p, mistakes := c.Compile(bench.text, expression.RecordScope(value.StringType, value.AnyType), "bench")
			if len(mistakes) > 0 {
				b.Fatal(mistakes[0].Message)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Eval(&expression.Inputs{Value: flight}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAggregate(b *testing.B) {
	var columns []aggregate.Column
	for _, call := range []string{"count()", "count(value.delay > 15)", "sum(value.delay)", "max(value.delay)"} {
		c, mistakes := aggregate.NewColumn(expression.NewCompiler(), call, call, expression.RecordScope(value.StringType, value.AnyType), "bench")
		if len(mistakes) > 0 {
			b.Fatal(mistakes[0].Message)
		}
		columns = append(columns, c)
	}
	a := aggregate.New(columns...)
	flight := valuetest.JSON(b, benchFlight)
	state, err := a.Next(nil, &expression.Inputs{Value: flight})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Next(state, &expression.Inputs{Value: flight}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJSON(b *testing.B) {
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := value.ParseJSON([]byte(benchFlight)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("append", func(b *testing.B) {
		v := valuetest.JSON(b, benchFlight)
		var buf []byte
		b.ReportAllocs()
		for b.Loop() {
			var err error
			if buf, err = value.AppendJSON(buf[:0], v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
