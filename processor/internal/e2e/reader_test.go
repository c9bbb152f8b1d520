package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// place is where a message lies.
type place struct {
	Topic     string
	Partition int32
	Offset    int64
}

// output is a message that a read-committed consumer saw.
type output struct {
	place
	row
	Null bool      // a tombstone
	At   time.Time // when this consumer saw it
}

// readAll returns all committed messages of the topics, by topic, partition and offset.
func readAll(t *testing.T, addr string, topics ...string) []output {
	t.Helper()
	a := newAdmin(t, addr)
	ends, starts := map[string]map[int32]int64{}, map[string]map[int32]int64{}
	for _, topic := range topics {
		ends[topic], starts[topic] = a.ends(topic, true), a.starts(topic)
	}
	return readTo(t, addr, starts, ends)
}

// readTo returns all committed messages from starts on, up to and without the offsets ends. The
// last offset below a committed end is a message or a transaction's marker, so seeing the markers
// is enough to know when to stop.
func readTo(t *testing.T, addr string, starts, ends map[string]map[int32]int64) []output {
	t.Helper()
	at := map[string]map[int32]kgo.Offset{}
	missing := 0
	for topic, partitions := range ends {
		at[topic] = map[int32]kgo.Offset{}
		for p, end := range partitions {
			if end > starts[topic][p] {
				at[topic][p] = kgo.NewOffset().At(starts[topic][p])
				missing++
			}
		}
	}
	if missing == 0 {
		return nil
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumePartitions(at), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
	defer cancel()
	var all []output
	for missing > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read outputs: %v", err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			end := ends[r.Topic][r.Partition]
			if r.Offset >= end {
				return
			}
			if r.Offset == end-1 {
				missing--
			}
			if !r.Attrs.IsControl() {
				all = append(all, newOutput(r))
			}
		})
	}
	sortOutputs(all)
	return all
}

func newOutput(r *kgo.Record) output {
	return output{place{r.Topic, r.Partition, r.Offset}, row{string(r.Key), string(r.Value), r.Timestamp.UnixMilli()}, r.Value == nil, time.Now()}
}

func sortOutputs(all []output) {
	slices.SortFunc(all, func(a, b output) int {
		if c := strings.Compare(a.Topic, b.Topic); c != 0 {
			return c
		}
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(a.Offset - b.Offset)
	})
}

// liveReader is a read-committed consumer that reads while the application runs, and keeps
// everything that it saw.
type liveReader struct {
	cl   *kgo.Client
	stop context.CancelFunc
	done chan struct{}

	mu   sync.Mutex
	seen []output
	err  error
}

// readLive starts a reader. Its topics must exist. It takes control records too: without them the
// client does not notice that a marker has a later leader epoch than the message before it, and
// reports lost data when leaders move.
func readLive(t *testing.T, addr string, topics ...string) *liveReader {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(topics...), kgo.KeepControlRecords(), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(50*time.Millisecond), kgo.MetadataMinAge(50*time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &liveReader{cl: cl, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		for ctx.Err() == nil {
			fetches := cl.PollFetches(ctx)
			r.mu.Lock()
			fetches.EachError(func(topic string, p int32, err error) {
				if !errors.Is(err, context.Canceled) && r.err == nil {
					r.err = fmt.Errorf("%s/%d: %w", topic, p, err)
				}
			})
			fetches.EachRecord(func(x *kgo.Record) {
				if !x.Attrs.IsControl() {
					r.seen = append(r.seen, newOutput(x))
				}
			})
			r.mu.Unlock()
		}
	}()
	t.Cleanup(r.close)
	return r
}

func (r *liveReader) close() {
	r.stop()
	<-r.done
	r.cl.Close()
}

func (r *liveReader) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

// yet returns what it has seen until now, in the order in which it saw it.
func (r *liveReader) yet(t *testing.T) []output {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		t.Errorf("reader beside the application: %v", r.err)
	}
	return slices.Clone(r.seen)
}

// all ends the reader and returns what it saw, in the order in which it saw it.
func (r *liveReader) all(t *testing.T) []output {
	t.Helper()
	r.close()
	if r.err != nil {
		t.Errorf("reader beside the application: %v", r.err)
	}
	return r.seen
}

// sameRows compares two multisets.
func sameRows(t *testing.T, what string, got []output, want []row) {
	t.Helper()
	balance := map[row]int{}
	for _, r := range want {
		balance[r]++
	}
	for _, o := range got {
		balance[o.row]--
	}
	var missing, extra []string
	nMissing, nExtra := 0, 0
	for r, n := range balance {
		switch {
		case n > 0:
			nMissing += n
			missing = append(missing, fmt.Sprintf("%d x %v", n, r))
		case n < 0:
			nExtra -= n
			extra = append(extra, fmt.Sprintf("%d x %v", -n, r))
		}
	}
	if nMissing+nExtra == 0 {
		return
	}
	sort.Strings(missing)
	sort.Strings(extra)
	t.Errorf("%s: %d messages, want %d: %d missing, %d too many\nmissing:\n  %s\ntoo many:\n  %s", what, len(got), len(want), nMissing, nExtra,
		strings.Join(missing[:min(10, len(missing))], "\n  "), strings.Join(extra[:min(10, len(extra))], "\n  "))
}

// nothingTakenBack checks what a reader saw while the application ran against the final content:
// each message is still there, byte for byte, and each partition was seen in order and without a
// gap.
func nothingTakenBack(t *testing.T, live, final []output) {
	t.Helper()
	type partition struct {
		topic string
		p     int32
	}
	log := map[partition][]output{}
	for _, o := range final {
		k := partition{o.Topic, o.Partition}
		log[k] = append(log[k], o)
	}
	next := map[partition]int{}
	wrong := 0
	for _, o := range live {
		k := partition{o.Topic, o.Partition}
		i := next[k]
		next[k]++
		if i >= len(log[k]) {
			wrong++
			t.Errorf("reader saw %v: %v, which is not there any more", o.place, o.row)
		} else if f := log[k][i]; f.place != o.place || f.row != o.row {
			wrong++
			t.Errorf("reader saw %v: %v where the final log has %v: %v", o.place, o.row, f.place, f.row)
		}
		if wrong > 10 {
			t.Fatal("and more")
		}
	}
}
