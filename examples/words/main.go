// Command words counts the words of its standard input. It needs no broker: it brings one along, in
// memory.
//
//	echo "to be or not to be" | go run ./examples/words
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/processor/embedded"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "words:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, in io.Reader, out io.Writer) error {
	t := topology.New("words")
	t.Stream("words", serde.String(), serde.String()).GroupByKey().Count("count").ToStream().To("counted")
	plan, err := t.Build()
	if err != nil {
		return err
	}
	broker, err := embedded.Start(embedded.Options{})
	if err != nil {
		return err
	}
	defer broker.Close()
	if err := broker.CreateTopics(ctx, 2, "words", "counted"); err != nil {
		return err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()), kgo.ConsumeTopics("counted"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return err
	}
	defer cl.Close()
	words := bufio.NewScanner(in)
	words.Split(bufio.ScanWords)
	for words.Scan() {
		cl.Produce(ctx, &kgo.Record{Topic: "words", Key: []byte(strings.ToLower(words.Text())), Value: []byte{}}, nil)
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}

	state, err := os.MkdirTemp("", "words") // it belongs to this broker, which forgets everything
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)
	app, err := processor.New(plan, processor.Config{Brokers: []string{broker.Addr()}, StateDir: state, UntilEnd: true})
	if err != nil {
		return err
	}
	if err := app.Run(ctx); err != nil {
		return err
	}
	return show(ctx, cl, app.Stats().Out, out)
}

// show prints n records.
func show(ctx context.Context, cl *kgo.Client, n int64, out io.Writer) error {
	for n > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		for r := range fetches.RecordsAll() {
			count, err := serde.Int64().Decode(r.Value)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%s %d\n", r.Key, count)
			n--
		}
	}
	return nil
}
