package kafkastreams

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// process builds a processor of the cases. Those with a schedule are compared with the time of
// Kafka Streams alone: docs/kafka-streams.md says how times differ.
func (b *builder) process(in *built, n node) (*built, error) {
	if in.rekeyed { // Kafka Streams puts no repartition topic before a processor
		in = rekeyed(in.stream.MarkPartitioned())
	}
	fn, arg := cut(n.Fn)
	type ctx = topology.Context[string, string]
	var f func(c ctx, st topology.Store[string, string], r *record) error
	forward := func(c ctx, r *record, change func(*record)) error {
		out := r.With(r.Key, r.Value)
		out.NoKey, out.NoValue = r.NoKey, r.NoValue
		change(&out)
		c.Forward(out)
		return nil
	}
	same := func(*record) {}
	switch fn {
	case "dedup":
		f = func(c ctx, st topology.Store[string, string], r *record) error {
			if r.NoKey {
				return nil
			}
			_, ok, err := st.Get(r.Key)
			if err != nil || ok {
				return err
			}
			if err := st.Put(r.Key, str(value(r))); err != nil {
				return err
			}
			return forward(c, r, same)
		}
	case "runningSum":
		f = func(c ctx, st topology.Store[string, string], r *record) error {
			if r.NoKey {
				return nil
			}
			before, _, err := st.Get(r.Key)
			if err != nil {
				return err
			}
			sum := strconv.FormatInt(num(&before)+num(value(r)), 10)
			if err := st.Put(r.Key, sum); err != nil {
				return err
			}
			return forward(c, r, func(out *record) { out.Value, out.NoValue = sum, false })
		}
	case "onChange":
		f = func(c ctx, st topology.Store[string, string], r *record) error {
			if r.NoKey {
				return nil
			}
			var old text
			if before, ok, err := st.Get(r.Key); err != nil {
				return err
			} else if ok {
				old = &before
			}
			var err error
			if r.NoValue {
				err = st.Delete(r.Key)
			} else {
				err = st.Put(r.Key, r.Value)
			}
			if err != nil || (old == nil) == r.NoValue && str(old) == str(value(r)) {
				return err
			}
			return forward(c, r, func(out *record) { out.Value, out.NoValue = str(old)+"->"+str(value(r)), false })
		}
	case "shiftTs":
		f = func(c ctx, _ topology.Store[string, string], r *record) error {
			return forward(c, r, func(out *record) { out.Timestamp = max(0, r.Timestamp+num(&arg)) })
		}
	case "addHeader":
		name, header := cut(arg)
		f = func(c ctx, _ topology.Store[string, string], r *record) error {
			return forward(c, r, func(out *record) {
				out.Headers = append(slices.Clone(r.Headers), topology.Header{Key: name, Value: []byte(header)})
			})
		}
	case "clearHeaders":
		f = func(c ctx, _ topology.Store[string, string], r *record) error {
			return forward(c, r, func(out *record) { out.Headers = nil })
		}
	case "twice":
		f = func(c ctx, _ topology.Store[string, string], r *record) error {
			forward(c, r, same)
			return forward(c, r, func(out *record) { out.Timestamp++ })
		}
	case "metadata":
		f = func(c ctx, _ topology.Store[string, string], r *record) error {
			return forward(c, r, func(out *record) {
				o := r.Origin
				now := max(c.Time(), r.Timestamp) // Time moves after the record
				out.Value, out.NoValue = fmt.Sprintf("%s/%d/%d@%d~%d", o.Topic, o.Partition, o.Offset, r.Timestamp, now), false
			})
		}
	case "dedupWindow":
		return b.dedupWindow(in, n, num(&arg)), nil
	case "emitEvery", "drainEvery", "tick", "tickTimes":
		if !b.clocks {
			return nil, unsaid("schedules of Kafka Streams")
		}
		return b.schedule(in, n)
	default:
		return nil, unsaid("processor %s", fn)
	}
	if n.Store == "" {
		return rekeyed(in.stream.ProcessFunc(b.name("process"), func(c ctx, r *record) error { return f(c, nil, r) })), nil
	}
	st := b.t.Store(n.Store, serde.String(), serde.String())
	b.stored[n.Store] = plain(n.Store)
	return rekeyed(in.stream.ProcessFunc(b.name("process"), func(c ctx, r *record) error { return f(c, st.Open(c), r) }, st)), nil
}

// dedupWindow builds the processor that forwards a record if its key had none near in time, with a
// window store.
func (b *builder) dedupWindow(in *built, n node, within int64) *built {
	type ctx = topology.Context[string, string]
	st := b.t.WindowStore(n.Store, serde.String(), serde.String(), ms(max(1, 10*within)))
	b.stored[n.Store] = func(d *processortest.Driver) (all []entry, _ func(entry) bool) {
		latest := int64(0)
		for _, e := range d.Store(n.Store, serde.String(), serde.String()) {
			latest = max(latest, e.Window)
			all = append(all, entry{Key: e.Key, Value: &e.Value, Start: &e.Window})
		}
		// what is too old to be found may be there
		return slices.DeleteFunc(all, func(e entry) bool { return *e.Start <= latest-max(1, 10*within) }), nil
	}
	return rekeyed(in.stream.ProcessFunc(b.name("process"), func(c ctx, r *record) error {
		if r.NoKey {
			return nil
		}
		st, found := st.Open(c), false
		err := st.Fetch(r.Key, r.Timestamp-within, r.Timestamp+within, func(int64, string) bool {
			found = true
			return false
		})
		if err != nil || found {
			return err
		}
		c.Forward(*r)
		return st.Put(r.Key, r.Timestamp, str(value(r)))
	}, st))
}
