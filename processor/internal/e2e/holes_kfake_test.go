//go:build !kafka

package e2e

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/processor"
)

// holeKinds are the ways in which the offsets 1 and 2 of a log, the last ones that are committed,
// have no record for a consumer.
var holeKinds = []string{
	"compacted",
	// the answer says that there is more and has nothing: a broker that keeps offsets for itself
	"no batches",
	"control", // an aborted record and the transaction's marker
}

// hider is a broker that keeps offsets for itself, as some do: its answers leave them out, and say
// where the log ends all the same.
type hider struct {
	wire
	answers atomic.Int64 // that had something hidden and nothing else
}

// hide leaves the offsets of a topic from one to another out of all answers.
func (h *hider) hide(id [16]byte, from, to int64) {
	h.add(wireRule{key: kmsg.Fetch, reply: func(_ kmsg.Request, resp kmsg.Response) verdict {
		hidden, left := false, 0
		for _, t := range resp.(*kmsg.FetchResponse).Topics {
			for i := range t.Partitions {
				p := &t.Partitions[i]
				if t.TopicID == id {
					n := len(p.RecordBatches)
					p.RecordBatches = without(p.RecordBatches, from, to)
					hidden = hidden || len(p.RecordBatches) < n
				}
				left += len(p.RecordBatches)
			}
		}
		if hidden && left == 0 {
			h.answers.Add(1)
			// a broker that has nothing to send keeps the request for a while
			<-time.After(20 * time.Millisecond)
		}
		return pass
	}})
}

// without returns the batches whose first offset does not lie between from and to.
func without(batches []byte, from, to int64) []byte {
	var left []byte
	for len(batches) >= 12 {
		n := min(12+int(binary.BigEndian.Uint32(batches[8:])), len(batches))
		if at := int64(binary.BigEndian.Uint64(batches)); at < from || at >= to {
			left = append(left, batches[:n]...)
		}
		batches = batches[n:]
	}
	return left
}

// opened begins a transaction and writes a record in it.
func opened(t *testing.T, b *inProcess, topic string, r *kgo.Record) (end func()) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.TransactionalID(names(t, "txn")), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
	}
}

// holed makes a topic whose log, as far as it is committed, ends in a hole: "a" is there, the
// offsets 1 and 2 have nothing, and a transaction follows that stays open.
func holed(t *testing.T, b *inProcess, adm *admin, h *hider, kind, topic string) (end func()) {
	t.Helper()
	config := map[string]string{}
	if kind == "compacted" {
		config = map[string]string{"cleanup.policy": "compact", "delete.retention.ms": "0"}
	}
	adm.create(topic, 1, config)
	adm.produce(topic, only(message{Key: []byte("a"), Value: []byte("v")}))
	if kind == "control" {
		transact(t, b.Addr(), topic, 1, false)
	} else {
		for _, m := range []message{{Key: []byte("b"), Value: []byte("v")}, {Key: []byte("b")}} {
			adm.produce(topic, only(m)) // a batch for each
		}
	}
	end = opened(t, b, topic, kgo.KeyStringRecord("t", "late"))
	switch kind {
	case "compacted":
		b.Compact()
	case "no batches":
		h.hide(adm.topicID(topic), 1, 3)
	}
	if start, stable, high := adm.starts(topic)[0], adm.ends(topic, true)[0], adm.ends(topic, false)[0]; start != 0 || stable != 3 || high != 4 {
		t.Fatalf("the log begins at %d, is stable to %d and ends at %d", start, stable, high)
	}
	return end
}

// TestLogsThatEndInAHole: nobody waits for records that never come: not a bounded run, not the
// other input of a task, not a global table, not a restore. What a transaction brings that was open
// meanwhile is not passed over.
func TestLogsThatEndInAHole(t *testing.T) {
	t.Parallel()
	for _, kind := range holeKinds {
		t.Run(kind, func(t *testing.T) { t.Parallel(); endsInAHole(t, kind) })
	}
}

func endsInAHole(t *testing.T, kind string) {
	b := startFake(t)
	adm := newAdmin(t, b.Addr())
	t.Run("bounded", func(t *testing.T) {
		j, h := job{"copied", names(t, "app")}, new(hider)
		end := holed(t, b, adm, h, kind, j.in())
		adm.create(j.out(), 1, nil)
		dir := t.TempDir()
		run := func() {
			t.Helper()
			a := startApp(t, b, j, nil, func(cfg *processor.Config) {
				cfg.UntilEnd, cfg.StateDir = true, dir
				through(&h.wire)(cfg)
			})
			if err := a.wait(t, 20*time.Second); err != nil {
				t.Fatal(err)
			}
		}
		run()
		if at := adm.committed(j.Prefix)[j.in()][0]; at != 3 {
			t.Errorf("the run has committed %d of 3", at)
		}
		end()
		run()
		if got := readAll(t, b.Addr(), j.out()); len(got) != 2 || got[0].Key != "a" || got[1].Key != "t" {
			t.Errorf("records out: %v", got)
		}
		h.acted(t, kind)
	})
	t.Run("the other input", func(t *testing.T) {
		j, h := job{"joined", names(t, "app")}, new(hider)
		end := holed(t, b, adm, h, kind, j.Prefix+"-table")
		adm.create(j.in(), 1, nil)
		adm.create(j.out(), 1, nil)
		live := readLive(t, b.Addr(), j.out())
		a := startApp(t, b, j, nil, through(&h.wire))
		adm.produce(j.in(), only(message{Key: []byte("a"), Value: []byte("x"), Timestamp: 2_000_000_000_000}))
		await := func(n int) {
			t.Helper()
			eventually(t, 20*time.Second, "results", func() (bool, string) { a.running(t); return live.count() == n, fmt.Sprint(live.count()) })
		}
		await(1)
		end()
		adm.awaitNoLag(20*time.Second, j.Prefix, j.Prefix+"-table")
		adm.produce(j.in(), only(message{Key: []byte("t"), Value: []byte("x"), Timestamp: 2_000_000_001_000}))
		await(2)
		a.stop(t)
		h.acted(t, kind)
	})
	t.Run("global table", func(t *testing.T) {
		j, h := job{"global", names(t, "app")}, new(hider)
		end := holed(t, b, adm, h, kind, j.Prefix+"-table")
		adm.create(j.in(), 1, nil)
		adm.create(j.out(), 1, nil)
		live := readLive(t, b.Addr(), j.out())
		a := startApp(t, b, j, nil, through(&h.wire))
		await := func(key string, n int) {
			t.Helper()
			eventually(t, 20*time.Second, "results", func() (bool, string) {
				a.running(t)
				if live.count() < n {
					// until the table has it
					adm.produce(j.in(), only(message{Key: []byte(key), Value: []byte(key)}))
				}
				return live.count() >= n, fmt.Sprint(live.count())
			})
		}
		await("a", 1)
		end()
		await("t", live.count()+1)
		a.stop(t)
		h.acted(t, kind)
	})
	if kind == "compacted" {
		return // the changelog's tail would have to be known
	}
	t.Run("restore", func(t *testing.T) {
		j, _, _ := wordsRun(t, b, 1)
		h, topic := new(hider), changelogTopic(j.Prefix, "words")
		var one []byte // the count 1 as the changelog has it
		for _, m := range readAll(t, b.Addr(), topic) {
			if m.Key == "b" {
				one = []byte(m.Value)
			}
		}
		tail := adm.ends(topic, false)[0]
		if kind == "control" {
			transact(t, b.Addr(), topic, 1, false)
		} else {
			for range 2 {
				adm.produce(topic, only(message{Key: []byte("hidden"), Value: one}))
			}
			h.hide(adm.topicID(topic), tail, tail+2)
		}
		fresh := func() *app {
			return startApp(t, b, j, nil, func(cfg *processor.Config) {
				cfg.StateDir = filepath.Join(t.TempDir(), "fresh")
				through(&h.wire)(cfg)
			})
		}
		adm.produce(j.in(), only(word("a", "")))
		a := fresh()
		wordsAre(t, b, j, a, "a=1", "a=2", "a=3", "b=1", "c=1", "d=1")
		a.stop(t)
		h.acted(t, kind)
		// And now with somebody's transaction behind the hole: it is waited for, and what it brings
		// is seen, for no commit of the application's has it.
		end := opened(t, b, topic, &kgo.Record{Key: []byte("z"), Value: one})
		var w atomic.Int64
		high := adm.ends(topic, false)[0] // without the transaction's marker
		id := adm.topicID(topic)
		held := h.add(wireRule{key: kmsg.Fetch, reply: func(_ kmsg.Request, resp kmsg.Response) verdict {
			for _, x := range resp.(*kmsg.FetchResponse).Topics {
				for _, p := range x.Partitions {
					if x.TopicID == id && p.LastStableOffset < p.HighWatermark && len(p.RecordBatches) == 0 && w.Add(1) == 5 {
						go end()
					}
				}
			}
			return pass
		}})
		defer held()
		fresh().failsWith(t, 30*time.Second, topic, fmt.Sprintf("it has committed records up to %d", high))
		if w.Load() < 5 {
			t.Errorf("the restore met the open transaction %d times", w.Load())
		}
	})
}

// acted makes sure that the broker has been what it was to be.
func (h *hider) acted(t *testing.T, kind string) {
	t.Helper()
	if kind == "no batches" && h.answers.Load() == 0 {
		t.Error("no answer has said that there is more without having it")
	}
}

func (a *admin) topicID(topic string) [16]byte {
	a.t.Helper()
	ctx, cancel := a.context()
	defer cancel()
	d, err := a.ListTopics(ctx, topic)
	if err != nil || d[topic].Err != nil {
		a.t.Fatalf("the id of %s: %v %v", topic, err, d[topic].Err)
	}
	return d[topic].ID
}
