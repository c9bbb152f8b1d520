// Package tail follows the output topics of a topology as any other reader of them would: committed
// records only.
package tail

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Positions are the offsets to read next, by topic and partition.
type Positions map[string]map[int32]int64

// Clone returns a copy.
func (p Positions) Clone() Positions {
	c := make(Positions, len(p))
	for topic, partitions := range p {
		c[topic] = maps.Clone(partitions)
	}
	return c
}

// Options say what a Tail reads.
type Options struct {
	Brokers       []string
	ClientOptions []kgo.Opt
	// Topics must exist; partitions that are added later are not read.
	Topics []string
	// From is where to begin. A partition that it does not name is read from its start.
	From Positions
	// Handle gets every committed record, in the order of its partition. An error ends the tail.
	Handle func(*kgo.Record) error
	// Batch is called, on the tail's goroutine, after the records that came together have been
	// handled. Defaults to nothing.
	Batch func() error
}

// Tail reads topics. It belongs to one goroutine.
type Tail struct {
	o   Options
	cl  *kgo.Client
	adm *kadm.Client
	at  Positions
}

// New looks the topics up and begins to fetch.
func New(ctx context.Context, o Options) (*Tail, error) {
	lookup, err := kgo.NewClient(append(o.ClientOptions[:len(o.ClientOptions):len(o.ClientOptions)], kgo.SeedBrokers(o.Brokers...))...)
	if err != nil {
		return nil, err
	}
	defer lookup.Close()
	t := &Tail{o: o, at: Positions{}}
	if len(o.Topics) == 0 {
		return t, nil
	}
	starts, err := kadm.NewClient(lookup).ListStartOffsets(ctx, o.Topics...)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("read %v: %w", o.Topics, err)
	}
	from := map[string]map[int32]kgo.Offset{}
	starts.Each(func(start kadm.ListedOffset) {
		if t.at[start.Topic] == nil {
			t.at[start.Topic] = map[int32]int64{}
			from[start.Topic] = map[int32]kgo.Offset{}
		}
		at := max(start.Offset, o.From[start.Topic][start.Partition])
		t.at[start.Topic][start.Partition] = at
		from[start.Topic][start.Partition] = kgo.NewOffset().At(at)
	})
	t.cl, err = kgo.NewClient(append(o.ClientOptions[:len(o.ClientOptions):len(o.ClientOptions)],
		kgo.SeedBrokers(o.Brokers...),
		kgo.ConsumePartitions(from),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // positions pass the markers of transactions
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
	)...)
	if err != nil {
		return nil, err
	}
	t.adm = kadm.NewClient(t.cl)
	return t, nil
}

// Close ends the connection.
func (t *Tail) Close() {
	if t.cl != nil {
		t.cl.Close()
	}
}

// Positions returns a copy of where the tail is.
func (t *Tail) Positions() Positions { return t.at.Clone() }

// Follow handles records until ctx ends, which is no error.
func (t *Tail) Follow(ctx context.Context) error {
	for ctx.Err() == nil {
		if t.cl == nil {
			<-ctx.Done()
			break
		}
		if err := t.poll(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Drain handles records up to the ends that the topics have now.
func (t *Tail) Drain(ctx context.Context) error {
	if t.cl == nil {
		return nil
	}
	ends, err := t.adm.ListCommittedOffsets(ctx, t.o.Topics...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("read %v: %w", t.o.Topics, err)
	}
	behind := func() (behind bool) {
		ends.Each(func(end kadm.ListedOffset) {
			at, ok := t.at[end.Topic][end.Partition]
			behind = behind || ok && at < end.Offset
		})
		return behind
	}
	for behind() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := t.poll(ctx); err != nil {
			return err
		}
	}
	return nil
}

// poll handles what one fetch brings. That ctx ended is no error, and loses nothing.
func (t *Tail) poll(ctx context.Context) error {
	fetches := t.cl.PollFetches(ctx)
	n := 0
	for r := range fetches.RecordsAll() {
		if !r.Attrs.IsControl() {
			if err := t.o.Handle(r); err != nil {
				return err
			}
			n++
		}
		t.at[r.Topic][r.Partition] = r.Offset + 1
	}
	if n > 0 && t.o.Batch != nil {
		if err := t.o.Batch(); err != nil {
			return err
		}
	}
	var failed error
	fetches.EachError(func(topic string, partition int32, err error) {
		if ctx.Err() == nil {
			failed = errors.Join(failed, fmt.Errorf("read topic %s, partition %d: %w", topic, partition, err))
		}
	})
	return failed
}
