package kafkastreams

import (
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// source builds a source.
func (b *builder) source(n node) (*built, error) {
	str := serde.String()
	if n.Op == "globalTable" {
		table := b.t.GlobalTable(n.Topic, str, str)
		return &built{global: &table}, nil
	}
	opts, err := b.timestamps(n.TimestampExtractor)
	if err != nil {
		return nil, err
	}
	if n.Op == "table" {
		table := b.t.Table(n.Topic, str, str, opts...).EachUpdate()
		if n.HistoryMs != nil {
			table = table.History(ms(*n.HistoryMs))
		}
		b.stored[n.Store] = texts(n.Topic)
		return &built{table: &table}, nil
	}
	topics := n.Topics
	if n.Topic != "" {
		topics = []string{n.Topic}
	}
	return &built{stream: b.t.StreamTopics(topics, str, str, opts...)}, nil
}

// skipsTimes reports whether records with a negative timestamp are left out with that extractor:
// here that is the error policy.
func skipsTimes(extractor string) bool {
	name, _ := cut(extractor)
	return name == "logAndSkip" || name == "value"
}

// timestamps are the options for a timestamp extractor.
func (b *builder) timestamps(extractor string) ([]topology.SourceOption[string], error) {
	name, arg := cut(extractor)
	switch name {
	case "", "failOnInvalid", "logAndSkip":
		return nil, nil
	case "usePartitionTime":
		return []topology.SourceOption[string]{topology.TimeFromRecord(func(r *topology.Record[[]byte, string]) time.Time {
			if r.Timestamp < 0 {
				return time.UnixMilli(r.Ref)
			}
			return time.UnixMilli(r.Timestamp)
		})}, nil
	case "value":
		return []topology.SourceOption[string]{topology.TimeFromRecord(func(r *topology.Record[[]byte, string]) time.Time {
			n, ok := number(field(&r.Value, arg))
			if r.NoValue || !ok {
				n = r.Ref
			}
			return time.UnixMilli(n)
		})}, nil
	}
	return nil, unsaid("timestamp extractor %s", name)
}
