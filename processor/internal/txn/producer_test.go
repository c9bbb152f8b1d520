package txn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/processor/report"
)

// TestProduceCopies uses one buffer for everything, over several transactions, and compares what
// arrives.
func TestProduceCopies(t *testing.T) {
	broker := newBroker(t)
	p, g := member(t, broker)
	type message struct {
		key, value, header []byte
		at                 int64
	}
	var want []message
	scratch := make([]byte, 0, blockBytes)
	fill := func(size int, c byte) []byte {
		scratch = scratch[:size]
		for i := range scratch {
			scratch[i] = c
		}
		return scratch
	}
	sizes := []int{0, 1, 100, blockBytes / 4, blockBytes/4 + 1, blockBytes - 1}
	for txn := range 3 {
		for i := range 2*chunkRecords + 10 { // more than one chunk of records
			size := sizes[i%5]
			if i%500 == 0 {
				size = sizes[5]
			} else if i%7 != 0 {
				size = i % 50
			}
			m := message{at: int64(1000*txn + i)}
			m.key = fmt.Appendf(nil, "%d-%d", txn, i)
			value := fill(size, byte(i))
			switch i % 3 {
			case 0:
				m.value = bytes.Clone(value)
				if m.value == nil {
					m.value = []byte{}
				}
			case 1: // a tombstone
				value = nil
			case 2:
				m.value, value = []byte{}, []byte{}
			}
			var hs []kgo.RecordHeader
			if i%10 == 0 {
				m.header = fmt.Appendf(nil, "h%d", i)
				hs = []kgo.RecordHeader{{Key: "x", Value: bytes.Clone(m.header)}}
			}
			want = append(want, m)
			key := bytes.Clone(m.key)
			p.Produce("a", 0, key, value, m.at, hs)
			clear(key)
			clear(value)
			if hs != nil {
				clear(hs[0].Value)
			}
		}
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if outcome, err := p.CommitTransaction(t.Context(), g, inputs(t, g, int64(txn))); outcome != Committed {
			t.Fatal(outcome, err)
		}
		p.Done()
		if p.Open() || p.Held() != 0 {
			t.Errorf("after the end: open %v, %d bytes held", p.Open(), p.Held())
		}
	}
	got := visible(t, broker, "a")
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i, w := range want {
		r := got[i]
		if !bytes.Equal(r.Key, w.key) || !bytes.Equal(r.Value, w.value) || (r.Value == nil) != (w.value == nil) || r.Timestamp.UnixMilli() != w.at {
			t.Fatalf("record %d: key %q, %d bytes (nil %v), at %d; want key %q, %d bytes (nil %v), at %d", i, r.Key, len(r.Value), r.Value == nil, r.Timestamp.UnixMilli(), w.key, len(w.value), w.value == nil, w.at)
		}
		if w.header != nil && (len(r.Headers) != 1 || !bytes.Equal(r.Headers[0].Value, w.header)) {
			t.Fatalf("record %d: headers %v", i, r.Headers)
		}
	}
	if n := committed(t, broker); n != 2 {
		t.Errorf("committed offset %d, want 2", n)
	}
}

// ack acknowledges the records of a chunk as the client does: each gets its offset.
func ack(c *chunk, base int64) {
	for i := range c.records[:c.used] {
		c.records[i].Offset = base + int64(i)
		c.promise(&c.records[i], nil)
	}
}

// TestProduceAllocates nothing of its own in the steady state.
func TestProduceAllocates(t *testing.T) {
	p := NewProducer(nil, true)
	key, value := []byte("key"), bytes.Repeat([]byte("v"), 100)
	headers := []kgo.RecordHeader{{Key: "h", Value: value}}
	for _, acked := range []bool{false, true} { // during the transaction
		transaction := func() {
			for i := range 5000 {
				_, c := p.place("topic", int32(i%8), key, value, 1, headers)
				if acked && c.used == chunkRecords {
					ack(c, 0)
				}
			}
			p.reset()
		}
		transaction()
		if n := testing.AllocsPerRun(10, transaction); n > 1 {
			t.Errorf("%v allocations for a transaction of 5000 records, acknowledged %v", n, acked)
		}
	}
}

// Memory is used again when the broker has acknowledged what is in it and what came before, not
// earlier: random acknowledgements against copies of what was produced. The ends stay known.
func TestArena(t *testing.T) {
	rnd := seeds.Rand(t)
	p := NewProducer(nil, true)
	type sent struct {
		r     *kgo.Record
		key   string
		acked bool
	}
	for range 20 {
		var flying []sent
		chunks := map[*kgo.Record]*chunk{}
		ends := map[int32]int64{}
		offset, reused := int64(rnd.IntN(3)), map[*chunk]bool{}
		for i := range 20_000 {
			key := fmt.Sprintf("%d-%d", i, rnd.Uint64())
			value := bytes.Repeat([]byte{byte(i)}, rnd.IntN(200))
			partition := int32(rnd.IntN(5))
			r, c := p.place("t", partition, []byte(key), value, 1, []kgo.RecordHeader{{Key: key, Value: value}})
			if c.used == 1 && c.acked.Load() != 0 {
				t.Fatal("a chunk begins with acknowledgements")
			}
			reused[c] = true
			ends[partition] = offset + 1
			r.Offset = offset
			offset++
			flying, chunks[r] = append(flying, sent{r: r, key: key}), c
			if rnd.IntN(100) > 0 {
				continue
			}
			for range rnd.IntN(250) { // somewhere among the oldest
				at := rnd.IntN(min(len(flying), 300))
				if s := &flying[at]; !s.acked {
					s.acked = true
					if string(s.r.Key) != s.key || s.r.Headers[0].Key != s.key || !bytes.Equal(s.r.Headers[0].Value, s.r.Value) {
						t.Fatalf("record %q is %q when it is acknowledged", s.key, s.r.Key)
					}
					chunks[s.r].promise(s.r, nil)
				}
				for len(flying) > 0 && flying[0].acked {
					flying = flying[1:]
				}
				if len(flying) == 0 {
					break
				}
			}
		}
		for _, s := range flying {
			if !s.acked && string(s.r.Key) != s.key {
				t.Fatalf("record %q is %q and not acknowledged", s.key, s.r.Key)
			}
		}
		if len(reused) > 35 {
			t.Errorf("%d chunks for 20000 records", len(reused))
		}
		for partition, want := range ends {
			if end, ok := p.End("t", partition); !ok || end != want {
				t.Errorf("end of %d: %d %v, want %d", partition, end, ok, want)
			}
		}
		p.reset()
		if _, ok := p.End("t", 0); ok {
			t.Error("the next transaction begins with an end")
		}
	}
}

// TestHeld counts the memory of what is not acknowledged, in whole chunks and blocks, and what is
// too large for a block by itself.
func TestHeld(t *testing.T) {
	p := NewProducer(nil, true)
	value := make([]byte, 1000)
	chunkful := func() (c *chunk) {
		for range chunkRecords {
			_, c = p.place("t", 0, nil, value, 1, nil)
		}
		return c
	}
	held := func(when string, chunks, blocks, large int64) {
		t.Helper()
		if want := chunks*chunkBytes + blocks*blockBytes + large; p.Held() != want {
			t.Errorf("%s: %d bytes held, want %d", when, p.Held(), want)
		}
	}
	held("nothing yet", 0, 0, 0)
	first := chunkful() // 131 values in a block
	held("512 values of 1000 bytes", 1, 4, 0)
	second := chunkful()
	held("1024 values", 2, 8, 0)
	ack(first, 0)
	held("acknowledged, and nobody has looked", 2, 8, 0)
	third := chunkful()
	// their last block has values of the second chunk too
	held("the first 512 acknowledged", 2, 9, 0)
	ack(second, 512)
	ack(third, 1024)
	large := make([]byte, blockBytes)
	_, last := p.place("t", 0, large, large, 1, nil)
	held("all acknowledged, and two large ones added", 1, 1, 2*blockBytes)
	for range chunkRecords - 1 {
		p.place("t", 0, nil, nil, 1, nil)
	}
	ack(last, 1536)
	p.place("t", 0, nil, nil, 1, nil)
	held("the large ones acknowledged", 1, 1, 0)
	p.reset()
	held("after the transaction", 0, 0, 0)
	chunkful()
	p.forget()
	held("after an abort", 0, 0, 0)
}

// A chunk of which a record failed is not used again in the transaction.
func TestArenaKeepsFailed(t *testing.T) {
	p := NewProducer(nil, true)
	_, first := p.arena.record()
	for range chunkRecords - 1 {
		p.arena.record()
	}
	for i := range first.records {
		var err error
		if i == 7 {
			err = kerr.InvalidTimestamp
		}
		first.promise(&first.records[i], err)
	}
	for range 3 * chunkRecords {
		_, c := p.arena.record()
		if c == first {
			t.Fatal("used again")
		}
		if c.used == chunkRecords {
			ack(c, 0)
		}
	}
	if !p.Failed() {
		t.Error("the failure got lost")
	}
}

// TestReset lets go of what a large transaction took, and keeps the rest.
func TestReset(t *testing.T) {
	p := NewProducer(nil, true)
	value := make([]byte, blockBytes/8)
	for i := range 2 * keepChunks * chunkRecords {
		p.arena.record()
		if i < 2*keepChunks*8 {
			p.arena.copy(value)
		}
	}
	p.reset()
	a := &p.arena
	if len(a.free) != keepChunks || len(a.blocks) != keepChunks || a.current != nil || a.block != nil || len(a.flying) != 0 {
		t.Errorf("%d chunks and %d blocks are kept, want %d; in use: %v, %d, %d", len(a.free), len(a.blocks), keepChunks, a.current != nil, len(a.block), len(a.flying))
	}
	for i, b := range a.blocks {
		if len(b) != 0 {
			t.Fatalf("block %d is not empty: what is written next would not be in it", i)
		}
	}
	for i, c := range a.free {
		if c.used != 0 || c.acked.Load() != 0 || len(c.blocks) != 0 {
			t.Fatalf("chunk %d is not empty", i)
		}
	}
	p.arena.record()
	p.arena.copy(value)
	p.forget()
	if a.current != nil || a.free != nil || a.block != nil || a.blocks != nil {
		t.Error("after an abort memory is used again that may be on its way out")
	}
}

// TestEnd asks for the ends of a transaction.
func TestEnd(t *testing.T) {
	broker := newBroker(t)
	p, g := member(t, broker)
	for range 3 {
		p.Produce("a", 1, nil, []byte("v"), 1, nil)
	}
	p.Produce("b", 0, nil, []byte("v"), 1, nil)
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	check := func(topic string, partition int32, want int64, wantOK bool) {
		t.Helper()
		if got, ok := p.End(topic, partition); got != want || ok != wantOK {
			t.Errorf("end of %s/%d: %d %v, want %d %v", topic, partition, got, ok, want, wantOK)
		}
	}
	check("a", 1, 3, true)
	check("b", 0, 1, true)
	check("a", 0, 0, false)
	check("c", 7, 0, false)
	if outcome, err := p.CommitTransaction(t.Context(), g, nil); outcome != Committed {
		t.Fatal(err)
	}
	p.Done()
	check("a", 1, 0, false)
	p.Produce("a", 1, nil, []byte("v"), 1, nil)
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("a", 1, 5, true) // a marker lies between
	check("b", 0, 0, false)
}

// TestProduceFails on one topic of two: nothing may be committed, and the next transaction works.
func TestProduceFails(t *testing.T) {
	broker := newBroker(t)
	p, g := member(t, broker)
	broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "b", Err: kerr.InvalidTimestamp})
	p.Produce("a", 0, nil, []byte("lost"), 1, nil)
	p.Produce("b", 0, nil, []byte("lost"), 1, nil)
	err := p.Flush(t.Context())
	var failed *report.ProduceError
	if !errors.As(err, &failed) || failed.Topic != "b" || !errors.Is(err, kerr.InvalidTimestamp) || !p.Failed() {
		t.Fatalf("flush: %v", err)
	}
	if err := p.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.Open() || p.Failed() {
		t.Error("the next transaction begins with what is left of the aborted one")
	}
	p.Produce("a", 0, nil, []byte("kept"), 1, nil)
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if outcome, err := p.CommitTransaction(t.Context(), g, inputs(t, g, 5)); outcome != Committed {
		t.Fatal(err)
	}
	if got := visible(t, broker, "a"); len(got) != 1 || string(got[0].Value) != "kept" {
		t.Errorf("visible: %v", got)
	}
	if n := committed(t, broker); n != 5 {
		t.Errorf("committed offset %d, want 5", n)
	}
}

// TestBeginFails: a transaction that cannot begin reports it at the flush, and again at the abort,
// for the client is done with.
func TestBeginFails(t *testing.T) {
	broker := newBroker(t)
	p := NewProducer(newClient(t, broker), true) // has no transactional id
	p.Produce("a", 0, nil, []byte("v"), 1, nil)
	if err := p.Flush(t.Context()); err == nil {
		t.Error("flush: no error")
	}
	if !p.Failed() || p.Held() != 0 {
		t.Errorf("failed %v, %d bytes held", p.Failed(), p.Held())
	}
	if err := p.Abort(t.Context()); err == nil {
		t.Error("abort: no error, so the session would go on with this client")
	}
}

// TestAtLeastOnceProducer produces without transactions.
func TestAtLeastOnceProducer(t *testing.T) {
	broker := newBroker(t)
	p := NewProducer(newClient(t, broker), false)
	p.Produce("a", 0, nil, []byte("v"), 1, nil)
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if end, ok := p.End("a", 0); end != 1 || !ok {
		t.Errorf("end %d %v", end, ok)
	}
	p.Done()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Abort(ctx); err != nil { // nothing is open
		t.Error(err)
	}
}
