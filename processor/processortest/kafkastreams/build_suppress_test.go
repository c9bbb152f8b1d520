package kafkastreams

import (
	"github.com/kolkstream/kolk/topology"
)

// suppress builds a suppression of a table, with windows or without.
func (b *builder) suppress(in *built, n node) *built {
	s := topology.UntilWindowCloses()
	if n.Until == "timeLimit" {
		s = topology.UntilTimeLimit(ms(n.LimitMs))
		if n.WhenFull == "shutDown" {
			s = s.FailWhenFull()
		}
	}
	if n.MaxRecords != nil {
		s = s.MaxRecords(*n.MaxRecords)
	}
	name := b.name("suppress")
	if in.results != nil || in.totals != nil {
		t := in.windowTexts().Suppress(name, s)
		return &built{results: &t, window: in.window}
	}
	t := in.texts().Suppress(name, s)
	return &built{table: &t}
}
