//go:build kafka

package changelog_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/seeds"
)

// external is the broker that KAFKA_BOOTSTRAP names.
type external []string

func (e external) ListenAddrs() []string { return e }

func kafka(t *testing.T) external {
	t.Helper()
	addr := os.Getenv("KAFKA_BOOTSTRAP")
	if addr == "" {
		t.Fatal("set KAFKA_BOOTSTRAP to the address of a broker")
	}
	return strings.Split(addr, ",")
}

// what the embedded broker cannot show: topics with every setting, markers that come after the
// commit has returned.
func TestKafkaRestore(t *testing.T) {
	const partitions = 5
	b, rnd := kafka(t), seeds.Rand(t)
	app := fmt.Sprintf("changelog-%x", rand.Uint64())
	topics := []changelog.Topic{
		{Name: changelog.Name(app, "kv"), Partitions: partitions, Kind: changelog.KeyValueChangelog},
		{Name: changelog.Name(app, "window"), Partitions: partitions, Kind: changelog.WindowChangelog},
		{Name: changelog.RepartitionName(app, "by"), Partitions: partitions, Kind: changelog.Repartition},
	}
	w := newWriter(t, b, rnd, app)
	for range 2 { // created, then checked
		infos, err := changelog.EnsureTopics(context30(t), w.cl, topics, 1)
		if err != nil || len(infos) != 3 {
			t.Fatal(infos, err)
		}
	}
	cfg := config(t, w.cl, topics[1].Name)
	if cfg["message.timestamp.after.max.ms"] != "9223372036854775807" || cfg["cleanup.policy"] != "compact,delete" || cfg["min.cleanable.dirty.ratio"] != "0.3" {
		t.Errorf("configuration: %v", cfg)
	}

	log := topics[0].Name
	r := restorer(t, b, changelog.Config{FetchBytes: 5000, Memory: 100_000})
	var stores [partitions]*store
	for p := range stores {
		stores[p] = newStore()
	}
	for range 30 {
		w.transactions(1+rnd.IntN(4), log, partitions)
		// At once: the last transaction's markers may still be on their way.
		var wg sync.WaitGroup
		for p, s := range stores {
			wg.Go(func() {
				if res, err := r.Restore(context30(t), s.request(log, int32(p), changelog.Spec{})); err != nil || res.Position < res.End {
					t.Errorf("partition %d: %+v, %v", p, res, err)
				}
			})
		}
		wg.Wait()
		for p, s := range stores {
			s.equal(t, w.state(log, int32(p)))
		}
	}
	for p := range stores { // from the beginning
		s := newStore()
		if _, err := r.Restore(context30(t), s.request(log, int32(p), changelog.Spec{})); err != nil {
			t.Fatal(err)
		}
		s.equal(t, w.state(log, int32(p)))
	}

	// A window changelog is purged; a key-value changelog cannot be.
	log = topics[1].Name
	w.transactions(30, log, 1)
	s := newStore()
	res, err := r.Restore(context30(t), s.request(log, 0, changelog.Spec{}))
	if err != nil {
		t.Fatal(err)
	}
	s.next = 3
	deleteRecords(t, w.cl, log, 0, res.End)
	req := s.request(log, 0, changelog.Spec{})
	if _, err := r.Restore(context30(t), req); !errors.Is(err, changelog.ErrOutOfRange) {
		t.Errorf("purged: %v", err)
	}
	req.Purged = true
	if again, err := r.Restore(context30(t), req); err != nil || again.Position < res.End || s.resets != 1 {
		t.Errorf("purged: %+v, %v, %d resets", again, err, s.resets)
	}
	offsets := make(kadm.Offsets)
	offsets.AddOffset(topics[0].Name, 0, 1, -1)
	if resp, err := kadm.NewClient(w.cl).DeleteRecords(context30(t), offsets); err == nil && resp.Error() == nil {
		t.Error("records of a compacted topic could be deleted: its start moves after all")
	}

	req.TopicID = res.TopicID
	deleteTopic(t, w.cl, log)
	for { // the name is free when the broker says so
		if _, err := changelog.EnsureTopics(context30(t), client(t, b), topics, 1); err == nil {
			break
		}
	}
	if _, err := r.Restore(context30(t), req); !errors.Is(err, changelog.ErrRecreated) {
		t.Errorf("recreated: %v", err)
	}
}

// compaction leaves holes; the log's start stays, and the state is the same.
func TestKafkaCompacted(t *testing.T) {
	b := kafka(t)
	app := fmt.Sprintf("changelog-%x", rand.Uint64())
	w := newWriter(t, b, seeds.Rand(t), app)
	log := changelog.Name(app, "kv")
	if _, err := changelog.EnsureTopics(context30(t), w.cl, []changelog.Topic{{Name: log, Partitions: 1}}, 1); err != nil {
		t.Fatal(err)
	}
	alter := []kadm.AlterConfig{
		{Op: kadm.SetConfig, Name: "segment.ms", Value: kadm.StringPtr("50")},
		{Op: kadm.SetConfig, Name: "min.cleanable.dirty.ratio", Value: kadm.StringPtr("0.01")},
		{Op: kadm.SetConfig, Name: "delete.retention.ms", Value: kadm.StringPtr("0")},
	}
	if _, err := kadm.NewClient(w.cl).AlterTopicConfigs(context30(t), alter, log); err != nil {
		t.Fatal(err)
	}
	w.transactions(100, log, 1)
	r := restorer(t, b, changelog.Config{FetchBytes: 2000})
	deadline := time.Now().Add(90 * time.Second)
	for {
		s := newStore()
		res, err := r.Restore(context30(t), s.request(log, 0, changelog.Spec{}))
		if err != nil {
			t.Fatal(err)
		}
		s.equal(t, w.state(log, 0))
		if s.changes < w.records/4 {
			t.Logf("%d of %d records are left, %d offsets", s.changes, w.records, res.End)
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not compacted: %d of %d records", s.changes, w.records)
		}
		w.transactions(1, log, 1) // rolls segments
	}
}
