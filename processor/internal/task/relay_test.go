package task

import (
	"fmt"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology"
)

const next = "app-next-repartition"

// newRelayBench makes a task that sends each record on to partition value[0] of "next", if it has a
// key of one byte.
func newRelayBench(t *testing.T) *bench {
	b := newBench(t, "a")
	b.cluster[next] = 2
	sink := b.opts.Sub.Sinks[1]
	b.receive = func(tk flow.Task, m *flow.Message) error {
		return tk.Send(sink, flow.ByKey, m.Key, m.Value, m.Timestamp, m.Ref, nil, m.Headers)
	}
	return b
}

// tells shows what partitions of "next" were told: "partition record|control time flags late".
func tells(t *testing.T, all []sent) (out []string) {
	t.Helper()
	for _, s := range all {
		if s.topic != next {
			continue
		}
		text := fmt.Sprintf("%d record", s.partition)
		if h, ok := s.headers[TimeHeader]; ok {
			var a announcement
			if err := a.parse([]byte(h)); err != nil {
				t.Fatal(err)
			}
			if a.flags&control != 0 {
				text = fmt.Sprintf("%d control", s.partition)
				if s.key != "" || s.value != "" || len(s.headers) != 1 {
					t.Errorf("a control record with more: %+v", s)
				}
			}
			text += fmt.Sprintf(" %d", a.time)
			for i, name := range []string{" idle", " caught-up", " end"} {
				if a.flags&(1<<i) != 0 {
					text += name
				}
			}
			if string(a.sub) != "s" || a.partition != 0 {
				t.Errorf("writer %s/%d", a.sub, a.partition)
			}
		}
		if h, ok := s.headers[LateHeader]; ok {
			late, err := parseLate([]byte(h))
			if err != nil {
				t.Fatal(err)
			}
			text += fmt.Sprintf(" late %d", late)
		}
		out = append(out, text)
	}
	return out
}

// toPartition finds a key of that partition of "next".
func toPartition(t *testing.T, p int32) []byte {
	for c := byte('a'); c <= 'z'; c++ {
		tk := newRelayBench(t).open().task
		if err := tk.Send(&flow.Sink{Index: 1}, flow.ByKey, []byte{c}, nil, 0, 0, nil, nil); err != nil {
			t.Fatal(err)
		}
		if got := tk.opts.Output.(*testOutput).sent; got[0].partition == p {
			return []byte{c}
		}
	}
	t.Fatalf("no key of partition %d", p)
	return nil
}

func TestAnnouncements(t *testing.T) {
	p0, p1 := toPartition(t, 0), toPartition(t, 1)
	b := newRelayBench(t).open()
	offset := int64(0)
	add := func(key []byte, ts int64, more int64) {
		r := rec(offset, ts)
		r.Key = key
		offset++
		b.add("a", more, r)
		b.process()
	}
	same(t, "nothing to say", b.task.Dirty(), false)

	add(p0, 100, 1)
	add(p0, 90, 1)
	want(t, "no commit yet to speak of; at the start everybody is told", tells(t, b.commit()),
		"0 record", "0 record late 10", "0 control 90", "1 control 90")

	add(p0, 120, 1)
	add(p0, 130, 1)
	want(t, "nothing new: told is what the last commit had", tells(t, b.commit()), "0 record", "0 record")

	add(p0, 140, 1)
	add(p1, 150, 1)
	add(p1, 160, 1)
	want(t, "the first record of a transaction carries the last commit's time", tells(t, b.commit()),
		"0 record 120", "1 record 120", "1 record")

	add(p1, 170, 1)
	b.abort()
	offset--
	add(p1, 170, 1)
	add(p0, 171, 1)
	want(t, "what an aborted transaction told was not told", tells(t, b.commit()), "1 record 150", "0 record 150")

	b.clock.advance(time.Second)
	b.tick()
	same(t, "a second without news", b.task.Dirty(), true)
	want(t, "all are told", tells(t, b.commit()), "0 control 161", "1 control 161")
	b.clock.advance(time.Second)
	b.tick()
	same(t, "nothing new", b.task.Dirty(), false)

	b.clock.advance(time.Second)
	add(p0, 172, 0)
	want(t, "caught up is said at once", tells(t, b.commit()), "0 record", "0 control 162 caught-up", "1 control 162 caught-up")
	add(p0, 173, 1)
	want(t, "not caught up can wait", tells(t, b.commit()), "0 record")
	add(p0, 174, 0)
	want(t, "nor is it said too often", tells(t, b.commit()), "0 record 163")

	b.clock.advance(9 * time.Second)
	b.tick()
	want(t, "told again by the clock", tells(t, b.commit()), "0 control 164 caught-up", "1 control 164 caught-up")
	b.clock.advance(time.Second)
	b.tick()
	same(t, "idle is said", b.task.Dirty(), true)
	want(t, "idle is said at once", tells(t, b.commit()), "0 control 164 idle caught-up", "1 control 164 idle caught-up")
	add(p1, 175, 0)
	want(t, "and its opposite", tells(t, b.commit()), "1 record", "0 control 165 caught-up", "1 control 165 caught-up")

	b.restart()
	b.add("a", 0)
	b.tick()
	same(t, "at the start", b.task.Dirty(), true)
	want(t, "everybody is told at the start", tells(t, b.commit()), "0 control 165 caught-up", "1 control 165 caught-up")
}

func TestATaskWithoutInputSaysThatItHasCaughtUp(t *testing.T) {
	b := newRelayBench(t).open()
	b.add("a", 0)
	want(t, "at the start", tells(t, b.commit()), "0 control -9223372036854775808 caught-up", "1 control -9223372036854775808 caught-up")
	b.clock.advance(10 * time.Second)
	b.tick()
	b.tick()
	want(t, "when it is idle", tells(t, b.commit()), "0 control -9223372036854775808 idle caught-up", "1 control -9223372036854775808 idle caught-up")
}

func TestManyPartitionsAreToldLessOften(t *testing.T) {
	b := newRelayBench(t)
	b.cluster[next] = 12_000 // 1.2 seconds' worth of announcements
	b.open()
	b.add("a", 1, rec(0, 100))
	b.process()
	same(t, "told at the start", len(tells(t, b.commit())), 1+12_000)
	b.add("a", 1, rec(1, 200))
	b.process()
	b.clock.advance(1199 * time.Millisecond)
	b.tick()
	same(t, "told after 1199 ms", len(tells(t, b.commit())), 1)
	b.clock.advance(time.Millisecond)
	b.tick()
	same(t, "told after 1200 ms", len(tells(t, b.commit())), 12_000)
}

func TestForeignHeadersDoNotEnterRepartitionTopics(t *testing.T) {
	b := newRelayBench(t)
	b.open()
	err := b.task.Send(b.opts.Sub.Sinks[1], flow.ByKey, []byte("k"), nil, 5, 5, nil, []topology.Header{
		{Key: LateHeader, Value: []byte("x")}, {Key: "mine", Value: []byte("1")}, {Key: TimeHeader, Value: []byte("y")}})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "headers", fmt.Sprint(b.out.sent[0].headers), "map[mine:1]")
}

func TestPartitionOfKeys(t *testing.T) {
	b := newBench(t, "a").open()
	// From Kafka's own test of murmur2, as positive numbers modulo 4.
	for key, hash := range map[string]int32{"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107} {
		if err := b.task.Send(b.opts.Sub.Sinks[0], flow.ByKey, []byte(key), nil, 0, 0, nil, nil); err != nil {
			t.Fatal(err)
		}
		same(t, key, b.out.sent[len(b.out.sent)-1].partition, (hash&0x7fffffff)%4)
	}
	if err := b.task.Send(b.opts.Sub.Sinks[0], flow.ByKey, nil, nil, 0, 0, nil, nil); err != nil {
		t.Fatal(err)
	}
	same(t, "no key: the task's partition", b.out.sent[len(b.out.sent)-1].partition, 0)
	if err := b.task.Send(&flow.Sink{Topic: "else", Index: 5}, flow.ByKey, nil, nil, 0, 0, nil, nil); err == nil {
		t.Error("sent to a topic that is not the task's")
	}
}

// An announcement that waits for its time does not let the task be left alone for long.
func TestQuietWithAnnouncements(t *testing.T) {
	p0 := toPartition(t, 0)
	b := newRelayBench(t).open()
	offset := int64(0)
	add := func(ts int64) {
		r := rec(offset, ts)
		r.Key = p0
		offset++
		b.add("a", 1, r)
		b.process()
	}
	same(t, "nothing to tell", b.task.Quiet(), time.Second)
	add(100)
	b.commit()
	same(t, "told", b.task.Quiet(), time.Second)
	add(120)
	b.commit()
	same(t, "the same so soon is not told", b.task.Dirty(), false)
	same(t, "but waits", b.task.Quiet(), 100*time.Millisecond)
	b.clock.advance(time.Second)
	b.tick()
	same(t, "due", b.task.Dirty(), true)
	b.commit()
	same(t, "told", b.task.Quiet(), time.Second)
}
