package processor_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/processor/embedded"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// Order is what the example counts.
type Order struct{ Country string }

func country(o Order) string { return o.Country }

// An application that runs until it is interrupted: what is in hand is committed then.
func Example() {
	t := topology.New("orders-by-country")
	t.Stream("orders", serde.String(), serde.JSON[Order]()).
		GroupBy("country", country).
		Count("orders-by-country").
		ToStream().
		To("orders-by-country")
	plan, err := t.Build()
	if err != nil {
		log.Fatal(err)
	}
	app, err := processor.New(plan, processor.Config{
		Brokers:  []string{"localhost:9092"},
		StateDir: "/var/lib/orders-by-country",
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := app.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// halves writes half of each number of one topic to another. Numbers come as text; what is none is
// an error.
func halves() *topology.Plan {
	half := func(_ context.Context, s string) (int, error) {
		n, err := strconv.Atoi(s)
		return n / 2, err
	}
	t := topology.New("halves")
	t.Stream("numbers", serde.String(), serde.String()).TryMapValues(half).To("halves")
	plan, err := t.Build()
	if err != nil {
		log.Fatal(err)
	}
	return plan
}

// started is a broker in this process with some numbers in a topic, and a configuration for it.
func started(values ...string) (cfg processor.Config, end func()) {
	b, err := embedded.Start(embedded.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := b.CreateTopics(ctx, 1, "numbers", "halves"); err != nil {
		log.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.DefaultProduceTopic("numbers"))
	if err != nil {
		log.Fatal(err)
	}
	defer cl.Close()
	for _, v := range values {
		if err := cl.ProduceSync(ctx, kgo.StringRecord(v)).FirstErr(); err != nil {
			log.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "halves")
	if err != nil {
		log.Fatal(err)
	}
	cfg = processor.Config{Brokers: []string{b.Addr()}, StateDir: dir, Workers: 1, UntilEnd: true, Logger: slog.New(slog.DiscardHandler)}
	return cfg, func() {
		if err := errors.Join(b.Close(), os.RemoveAll(dir)); err != nil {
			log.Fatal(err)
		}
	}
}

// A job that processes what is there and ends, as a batch: for backfills and scripts.
func ExampleApp_Run_untilEverythingIsProcessed() {
	cfg, end := started("2", "40", "6")
	defer end()
	cfg.UntilEnd = true
	app, err := processor.New(halves(), cfg)
	if err != nil {
		log.Fatal(err)
	}
	if err := app.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	s := app.Stats()
	fmt.Println(app.State(), s.In, s.Out)
	// Output: stopped 3 3
}

// Which record has stopped an application, and why.
func ExampleApp_Run_whichRecordFailed() {
	cfg, end := started("2", "many", "6")
	defer end()
	app, err := processor.New(halves(), cfg)
	if err != nil {
		log.Fatal(err)
	}
	err = app.Run(context.Background())
	if bad, ok := errors.AsType[*processor.RecordError](err); ok {
		fmt.Printf("%s/%d at offset %d, in %s: %v\n", bad.Topic, bad.Partition, bad.Offset, bad.Node, bad.Err)
	}
	// Output: numbers/0 at offset 1, in map-values-1: strconv.Atoi: parsing "many": invalid syntax
}

// Records that cannot be processed are left out, and counted by the operator that they failed in.
func ExampleConfig_skipWhatFails() {
	cfg, end := started("2", "many", "6")
	defer end()
	cfg.OnError = processor.Skip
	app, err := processor.New(halves(), cfg)
	if err != nil {
		log.Fatal(err)
	}
	if err := app.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	s := app.Stats()
	fmt.Println("written:", s.Out)
	for _, d := range s.Dropped {
		fmt.Println("dropped:", d.Node, d.Reason, d.Count)
	}
	// Output:
	// written: 2
	// dropped: map-values-1 error 1
}

// lastCommit is a hook that notes when records were committed last.
type lastCommit struct{ records chan int64 }

func (h lastCommit) OnCommit(worker int, records int64, took time.Duration) { h.records <- records }

// Something outside of the application is told of each commit.
func ExampleHook_tellOfCommits() {
	cfg, end := started("2", "40", "6")
	defer end()
	hook := lastCommit{make(chan int64, 100)}
	cfg.Hooks = []processor.Hook{hook}
	app, err := processor.New(halves(), cfg)
	if err != nil {
		log.Fatal(err)
	}
	if err := app.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	close(hook.records)
	all := int64(0)
	for n := range hook.records {
		all += n
	}
	fmt.Println("committed:", all)
	// Output: committed: 3
}

// A program that runs nothing else keeps to its memory: `kolk run` does so, too.
func ExampleConfig_TuneGC_keepToTheMemory() {
	cfg := processor.Config{Brokers: []string{"localhost:9092"}, Memory: 512 << 20}
	cfg.TuneGC()
	app, err := processor.New(halves(), cfg)
	if err != nil {
		log.Fatal(err)
	}
	if err := app.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
