package cluster

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/kolkstream/kolk/internal/backoff"
	"github.com/kolkstream/kolk/internal/flow"
)

// Ends are offsets by topic and partition.
type Ends map[string]map[int32]int64

// Upstream waits until the group has processed what lies, at the time of the call, in front of the
// repartition inputs of sub that carry time: in the inputs of the sub-topologies that write them,
// and before in the inputs of those that write these. It returns the ends of the inputs that it has
// waited for, as of then. Its error is ctx's, or one that does not pass.
func (v *View) Upstream(ctx context.Context, adm *kadm.Client, log *slog.Logger, sub *flow.SubTopology) (Ends, error) {
	told, waited := false, time.Duration(0)
	for _, writer := range v.writers(sub) {
		ends, err := v.ends(ctx, adm, log, v.timed(writer, false), false)
		if err == nil {
			var more Ends
			more, err = v.repartitionEnds(ctx, adm, log, writer)
			maps.Copy(ends, more)
		}
		for pause := backoff.New(20*time.Millisecond, 2*time.Second); err == nil && len(ends) > 0; {
			wait := pause.Next()
			if waited += wait; waited > 10*time.Second && !told {
				log.Info("records may have to wait until what has piled up for the tasks that they are joined with is processed", "sub-topology", sub.Name, "behind", writer.Name)
				told = true
			}
			if err = v.reached(ctx, adm, log, ends); err == nil && len(ends) > 0 {
				select {
				case <-ctx.Done():
					err = ctx.Err()
				case <-time.After(wait):
				}
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return v.repartitionEnds(ctx, adm, log, sub)
}

// repartitionEnds returns the ends of the repartition inputs of sub that carry time, uncommitted
// records included.
func (v *View) repartitionEnds(ctx context.Context, adm *kadm.Client, log *slog.Logger, sub *flow.SubTopology) (Ends, error) {
	return v.ends(ctx, adm, log, v.timed(sub, true), true)
}

// writers returns the sub-topologies that lead to sub, each behind those that lead to it.
func (v *View) writers(sub *flow.SubTopology) (all []*flow.SubTopology) {
	seen := map[string]bool{sub.Name: true}
	var visit func(sub *flow.SubTopology)
	visit = func(sub *flow.SubTopology) {
		for _, in := range sub.Inputs {
			for _, r := range v.Plan().Repartitions {
				if !in.Repartition || in.Timeless || r.Name != in.Topic {
					continue
				}
				for _, w := range r.Writers {
					if writer, ok := v.Plan().SubTopology(w.SubTopology); ok && !seen[writer.Name] {
						seen[writer.Name] = true
						visit(writer)
						all = append(all, writer)
					}
				}
			}
		}
	}
	visit(sub)
	return all
}

// timed returns the topics of the inputs of sub that carry time: those behind a repartition, or the
// others.
func (v *View) timed(sub *flow.SubTopology, repartition bool) (topics []string) {
	for _, in := range sub.Inputs {
		if !in.Timeless && in.Repartition == repartition {
			topics = append(topics, v.Real(in.Topic, in.Repartition))
		}
	}
	return topics
}

// ends returns the ends of all partitions of the topics that have anything: of what is stable or,
// of repartition topics, of the whole log. A transaction whose offsets are committed may still lack
// its markers there.
func (v *View) ends(ctx context.Context, adm *kadm.Client, log *slog.Logger, topics []string, repartition bool) (Ends, error) {
	ends := Ends{}
	if len(topics) == 0 {
		return ends, nil // and not those of all topics
	}
	list := adm.ListCommittedOffsets
	if repartition {
		list = adm.ListEndOffsets
	}
	return ends, Wait(ctx, log, "the ends of what is processed upstream", func(ctx context.Context) error {
		starts, err := adm.ListStartOffsets(ctx, topics...)
		if err == nil {
			err = starts.Error()
		}
		if err != nil {
			return err
		}
		listed, err := list(ctx, topics...)
		if err == nil {
			err = listed.Error()
		}
		listed.Each(func(o kadm.ListedOffset) {
			if start, ok := starts.Lookup(o.Topic, o.Partition); ok && o.Offset <= start.Offset {
				return
			}
			if ends[o.Topic] == nil {
				ends[o.Topic] = map[int32]int64{}
			}
			ends[o.Topic][o.Partition] = o.Offset
		})
		return err
	})
}

// reached removes the ends that the group has committed.
func (v *View) reached(ctx context.Context, adm *kadm.Client, log *slog.Logger, ends Ends) error {
	return Wait(ctx, log, "the offsets committed upstream", func(ctx context.Context) error {
		committed, err := adm.FetchOffsets(ctx, v.app)
		if errors.Is(err, kerr.GroupIDNotFound) {
			return nil // nothing was ever committed
		}
		if err != nil {
			return err
		}
		committed.Each(func(o kadm.OffsetResponse) {
			if end, ok := ends[o.Topic][o.Partition]; ok && o.At >= end {
				delete(ends[o.Topic], o.Partition)
			}
		})
		for topic := range ends {
			if len(ends[topic]) == 0 {
				delete(ends, topic)
			}
		}
		return nil
	})
}
