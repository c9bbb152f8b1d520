package steps

import (
	"strconv"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// topicSteps are the steps that change where and when records are taken further.
func topicSteps() []step { return []step{repartition(), inOrder()} }

func repartition() step {
	block := &yamlfile.Block{
		Name: "repartition", Doc: "Sends records through a topic, so that records of a key meet in one task.", Short: "name",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.Text(), Required: true, Doc: "name of the topic, to which the application's is added"},
			{Name: "partitions", Shape: yamlfile.Number(), Doc: "how many; default: as many as the input has"},
			partitionField(),
		},
	}
	return step{
		Field: yamlfile.Field{Name: "repartition", Shape: yamlfile.One(block), Doc: "sends records through a topic"},
		build: ofRecords(func(b *builder, f *flow, in stream, e *yamlfile.Entry) {
			p := b.partition(f, e.Mapping)
			var opts []topology.RepartitionOption
			if n, err := strconv.ParseInt(e.Mapping.Text("partitions"), 10, 32); err == nil {
				opts = append(opts, topology.Partitions(int32(n)))
			}
			f.at = made(b.call(f, e.Mapping.At("name")), func() stream {
				return stream{choosing(b, in.Stream, p).Repartition(e.Mapping.Text("name"), opts...)}
			})
		}),
	}
}

func inOrder() step {
	block := &yamlfile.Block{
		Name: "in-order", Doc: "Hands records on in the order of time, source topic, partition and offset, so that what follows is a function of the input.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.Text(), Required: true, Doc: "name of the state store, which holds the records back"},
			{Name: "delay", Shape: yamlfile.Duration(), Required: true, Doc: "how much out of order the records of a partition may be; those that are more are late, and dropped"},
		},
	}
	return step{
		Field: yamlfile.Field{Name: "in-order", Shape: yamlfile.One(block), Doc: "hands records on in the order of time"},
		advice: []string{
			"put InOrder behind it instead", "put in-order behind it instead",
			"Put InOrder behind both instead", "Put in-order behind both instead",
			"InOrder", "in-order",
		},
		build: ofRecords(func(b *builder, f *flow, in stream, e *yamlfile.Entry) {
			f.at = made(b.call(f, e.Mapping.At("name")), func() stream {
				return stream{in.InOrder(e.Mapping.Text("name"), duration(e.Mapping, "delay"))}
			})
		}),
	}
}
