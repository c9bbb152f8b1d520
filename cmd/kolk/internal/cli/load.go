package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/kolkstream/kolk/cmd/kolk/internal/config"
	"github.com/kolkstream/kolk/cmd/kolk/internal/load"
	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

func (a *app) loadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "load FILE --brokers HOST:PORT --data TOPIC=FILE...",
		Short: "Create the topics of a topology and load files into its inputs, each file once",
		Args:  cobra.ExactArgs(1),
	}
	config.Register(cmd.Flags(), config.Cluster, config.Loading)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.read(cmd)
		if err != nil {
			return err
		}
		if len(c.Processor.Brokers) == 0 {
			return usage(errNoBrokers)
		}
		file, err := readTopology(args[0])
		if err != nil {
			return err
		}
		in, err := inputs(c.Data, file)
		if err != nil {
			return err
		}
		return fill(cmd.Context(), a.stderr, c, file, in)
	}
	return cmd
}

// fill creates the topics of the topology that do not exist, and loads the files.
func fill(ctx context.Context, stderr io.Writer, c config.Config, file *topoyaml.File, in []load.Input) error {
	topics := append(sources(file), sinks(file)...)
	for _, one := range in {
		topics = append(topics, one.Topic) // a pattern may read it
	}
	slices.Sort(topics)
	topics = slices.Compact(topics)
	err := load.Await(ctx, c.Processor.Brokers, nil, func(err error) {
		fmt.Fprintf(stderr, "waiting for a broker at %s: %v\n", strings.Join(c.Processor.Brokers, ","), err)
	})
	if err != nil {
		return err
	}
	err = load.EnsureTopics(ctx, load.TopicsOptions{
		Brokers: c.Processor.Brokers, Partitions: int32(c.Partitions), Exact: c.Given("partitions"), ReplicationFactor: int16(c.Processor.ReplicationFactor),
	}, topics...)
	if err != nil {
		return err
	}
	for _, one := range in {
		res, err := load.Load(ctx, load.Options{Brokers: c.Processor.Brokers, KeepBad: c.Processor.OnError == processor.Skip}, one)
		if err != nil {
			return err
		}
		verb := "loaded"
		if res.Already {
			verb = "already there:"
		}
		fmt.Fprintf(stderr, "%s: %s %s records from %s\n", one.Topic, verb, humanize.Comma(res.Rows), one.File.Path())
		if !res.Already {
			for _, remark := range remarks(sourceOf(file, one.Topic), one.File) {
				fmt.Fprintf(stderr, "%s: %s\n", one.Topic, remark)
			}
		}
		if res.Bad > 0 {
			fmt.Fprintf(stderr, "%s: %s of them are no messages of the topology; the first: %v\n", one.Topic, humanize.Comma(res.Bad), res.FirstBad)
		}
	}
	return nil
}
