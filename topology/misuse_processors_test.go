package topology_test

import (
	"math"
	"strings"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

func misusedProcessors() []misuse {
	return []misuse{
		{"nil supplier", func(tp *topology.Topology, s stream) {
			s.Process[string, string]("p", nil)
		}},
		{"store on both sides of a repartition topic", func(tp *topology.Topology, s stream) {
			st := tp.Store("st", serde.String(), serde.String())
			nothing := func(topology.Context[string, string], *topology.Record[string, string]) error { return nil }
			s.ProcessFunc("before", nothing, st).Discard()
			s.SelectKey(strings.ToUpper).Repartition("r").ProcessFunc("behind", nothing, st).Discard()
		}},
		{"retention of nothing", func(tp *topology.Topology, s stream) {
			tp.WindowStore("st", serde.String(), serde.String(), 0)
		}},
		{"retention of half a millisecond", func(tp *topology.Topology, s stream) {
			tp.SessionStore("st", serde.String(), serde.String(), 1500*time.Microsecond)
		}},
		{"history of a store that is negative", func(tp *topology.Topology, s stream) {
			tp.VersionedStore("st", serde.String(), serde.String(), -time.Hour)
		}},
		{"history of a store that is too long", func(tp *topology.Topology, s stream) {
			tp.VersionedStore("st", serde.String(), serde.String(), math.MaxInt64)
		}},
	}
}
