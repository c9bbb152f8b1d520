package kafkastreams

import (
	"errors"
	"strings"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// scheduled is a processor of the cases with a schedule.
type scheduled struct {
	c topology.Context[string, string]
	// entries are what emitEvery and drainEvery keep; tick and tickTimes keep nothing.
	entries topology.Store[string, string]
}

func (p *scheduled) Process(r *record) error {
	switch {
	case p.entries == nil:
		p.c.Forward(*r)
		return nil
	case r.NoKey:
		return nil
	case r.NoValue:
		return p.entries.Delete(r.Key)
	}
	return p.entries.Put(r.Key, r.Value)
}

// emit forwards all entries, and deletes them if that is asked for.
func (p *scheduled) emit(at int64, drain bool) error {
	var keys []string
	err := p.entries.Range(topology.None[string](), topology.None[string](), func(k, v string) bool {
		p.c.Forward(record{Key: k, Value: v, Timestamp: max(0, at)})
		keys = append(keys, k)
		return true
	})
	for _, k := range keys {
		if drain {
			err = errors.Join(err, p.entries.Delete(k))
		}
	}
	return err
}

// schedule builds a processor with a schedule.
func (b *builder) schedule(in *built, n node) (*built, error) {
	fn, arg := cut(n.Fn)
	parts := strings.Split(arg, ":")
	clock := topology.WallClock
	if parts[0] == "stream" {
		clock = topology.StreamTime
	}
	most := int64(-1)
	if fn == "tickTimes" {
		most = num(&parts[2])
	}
	var resources []topology.Resource
	var store topology.StoreRef[string, string]
	if n.Store != "" {
		store = b.t.Store(n.Store, serde.String(), serde.String())
		b.stored[n.Store] = plain(n.Store)
		resources = append(resources, store)
	}
	name := b.name("process")
	return rekeyed(in.stream.Process(name, func(c topology.Context[string, string]) topology.Processor[string, string] {
		p := &scheduled{c: c}
		if n.Store != "" && strings.HasSuffix(fn, "Every") {
			p.entries = store.Open(c)
		}
		err := c.Schedule("tick", clock, ms(num(&parts[1])), func(at int64) error {
			if p.entries != nil {
				return p.emit(at, fn == "drainEvery")
			}
			c.Forward(record{Key: "tick", Value: *decimal(at), Timestamp: max(0, at)})
			if most--; most == 0 {
				c.Unschedule("tick")
			}
			return nil
		})
		if err != nil {
			c.Stop(err)
		}
		return p
	}, resources...)), nil
}
