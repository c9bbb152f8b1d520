package processortest

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/state"
)

// global is a global table: its topic's latest values. A message's key may be empty, a database's
// may not: all have a byte before them.
type global struct {
	state.DB
	key     []byte
	topic   string
	read    []int // records applied, by partition
	version uint64
}

var _ flow.Global = (*global)(nil)

// Version implements flow.Global.
func (g *global) Version() uint64 { return g.version }

// stored returns the key in the database, good until the next call.
func (g *global) stored(key []byte) []byte {
	g.key = append(append(g.key[:0], 0), key...)
	return g.key
}

// Get implements state.Reader.
func (g *global) Get(dst, key []byte) ([]byte, bool, error) { return g.DB.Get(dst, g.stored(key)) }

// Scan implements state.Reader.
func (g *global) Scan(lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	end := []byte{1}
	if hi != nil {
		end = append([]byte{0}, hi...)
	}
	return g.DB.Scan(append([]byte{0}, lo...), end, func(key, value []byte) (bool, error) { return fn(key[1:], value) })
}

// follow applies what its topic has got.
func (g *global) follow(logs [][]*kgo.Record) error {
	b := g.NewBatch()
	for p, log := range logs {
		for _, r := range log[g.read[p]:] {
			switch {
			case r.Attrs.IsControl() || r.Key == nil:
			case r.Value == nil:
				b.Delete(g.stored(r.Key))
			default:
				b.Set(g.stored(r.Key), r.Value)
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
