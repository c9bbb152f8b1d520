package processortest

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology"
)

// global is a global table: its topic's latest values.
type global struct {
	state.DB
	topic   string
	read    []int // records applied, by partition
	version uint64
}

var _ topology.Global = (*global)(nil)

// Version implements topology.Global.
func (g *global) Version() uint64 { return g.version }

// follow applies what its topic has got.
func (g *global) follow(logs [][]*kgo.Record) error {
	b := g.NewBatch()
	for p, log := range logs {
		for _, r := range log[g.read[p]:] {
			switch {
			case r.Attrs.IsControl() || r.Key == nil:
			case r.Value == nil:
				b.Delete(r.Key)
			default:
				b.Set(r.Key, r.Value)
			}
		}
		if len(log) > g.read[p] {
			g.read[p] = len(log)
			g.version++
		}
	}
	if err := b.Commit(); err != nil {
		return err
	}
	return b.Close()
}
