package steps

import (
	"strconv"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// limitSteps are the steps that leave records out by how many there are, or were.
func limitSteps(within *yamlfile.Block) []step { return []step{sample(), limit(within), deduplicate()} }

func sample() step {
	block := &yamlfile.Block{
		Name: "sample", Doc: "Passes on a fraction of the records. Which ones depends on nothing but the input.", Short: "fraction",
		Fields: []yamlfile.Field{
			{Name: "fraction", Shape: yamlfile.Fraction(), Required: true, Doc: "the fraction, from 0 to 1"},
			{Name: "by", Shape: yamlfile.Enum("record", "key"), Doc: "`record` (default) takes that part of the records, `key` all records of that part of the keys"},
		},
	}
	return step{
		Field:  yamlfile.Field{Name: "sample", Shape: yamlfile.One(block), Doc: "passes on a fraction of the records"},
		advice: []string{"Sample further on", "sample further on", "leave Sample out", "leave sample out"},
		build: ofRecords(func(b *builder, f *flow, in stream, e *yamlfile.Entry) {
			fraction, _ := strconv.ParseFloat(e.Mapping.Text("fraction"), 64)
			f.at = made(b.call(f, e.Pos), func() stream {
				if e.Mapping.Text("by") == "key" {
					return stream{in.SampleKeys(fraction)}
				}
				return stream{in.Sample(fraction)}
			})
		}),
	}
}

func limit(within *yamlfile.Block) step {
	over := &yamlfile.Block{
		Name: "over", Doc: "Where the records that exceed a limit go.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.Text(), Required: true, Doc: "name of the branch; other streams may start `from` it"},
			{Name: "steps", Shape: yamlfile.Several(within), Doc: "what happens to these records"},
		},
	}
	block := &yamlfile.Block{
		Name: "limit", Doc: "Passes on the first records of each key and window of time.", One: []string{"tumbling", "days", "weeks", "months"},
		Fields: []yamlfile.Field{
			storeName(),
			{Name: "most", Shape: yamlfile.Number(), Required: true, Doc: "how many records of a key pass in a window"},
			{Name: "tumbling", Shape: yamlfile.Duration(), Doc: "length of windows that follow each other"},
			{Name: "days", Shape: yamlfile.Text(), Doc: "a time zone, as `Europe/Berlin`: windows from midnight to midnight there"},
			{Name: "weeks", Shape: yamlfile.Text(), Doc: "a time zone: windows of a week there"},
			{Name: "first-day", Shape: yamlfile.Enum("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), Doc: "the day with which weeks begin; default monday"},
			{Name: "months", Shape: yamlfile.Text(), Doc: "a time zone: windows of a month there"},
			{Name: "offset", Shape: yamlfile.Duration(), Doc: "by how much tumbling windows begin later"},
			{Name: "grace", Shape: yamlfile.Duration(), Doc: "how long after its end a window takes records that are late; default 0"},
			{Name: "over", Shape: yamlfile.One(over), Doc: "where the records go that exceed the limit; default: they are dropped and counted"},
		},
	}
	return step{
		Field:  yamlfile.Field{Name: "limit", Shape: yamlfile.One(block), Doc: "passes on so many records of each key and window"},
		advice: []string{"use GroupBy, or put Repartition in between", "put repartition in between"},
		aside:  true,
		chains: func(e *yamlfile.Entry) []*yamlfile.Mapping {
			if over := e.Mapping.Get("over"); over != nil && over.Mapping != nil {
				return []*yamlfile.Mapping{over.Mapping}
			}
			return nil
		},
		build: ofRecords(func(b *builder, f *flow, in stream, e *yamlfile.Entry) {
			m := e.Mapping
			w, ok := b.windows(m)
			most, err := strconv.ParseInt(m.Text("most"), 10, 64)
			f.dead = f.dead || !ok || err != nil
			over := m.Get("over")
			if over == nil || over.Mapping == nil {
				f.at = made(b.call(f, m.At("store")), func() stream { return stream{in.Limit(m.Text("store"), most, w)} })
				return
			}
			rest := *f
			f.at = made(b.call(f, m.At("store")), func() stream {
				within, over := in.SplitLimit(m.Text("store"), most, w)
				rest.at = stream{over}
				return stream{within}
			})
			if rest.dead {
				rest.at = stream{}
			}
			start := rest
			if d, ok := b.names[over.Mapping.Text("name")]; ok && d.stream == over.Mapping {
				d.flowed = &start
			}
			if steps := over.Mapping.Get("steps"); steps != nil {
				b.chain(&rest, steps.Mappings)
			}
		}),
	}
}
