package embedded_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/processor/embedded"
)

func ExampleStart() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b, err := embedded.Start(embedded.Options{}) // in memory
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	if err := b.CreateTopics(ctx, 2, "words", "counted"); err != nil {
		log.Fatal(err)
	}
	// b.Addr() is what goes into processor.Config.Brokers; examples/words is a whole program. Any
	// Kafka client on this machine may use it:
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		log.Fatal(err)
	}
	defer cl.Close()
	topics, err := kadm.NewClient(cl).ListTopics(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range topics.Sorted() {
		fmt.Println(t.Topic, len(t.Partitions))
	}
	// Output:
	// counted 2
	// words 2
}
