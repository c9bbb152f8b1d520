package task

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/flow"
)

func TestSmallestTimestampFirst(t *testing.T) {
	b := newBench(t, "a", "b").open()
	b.add("a", 0, rec(0, 10), rec(1, 5), rec(2, 30)).add("b", 0, rec(0, 10), rec(1, 20))
	want(t, "order", b.process(), "a@0 10 10", "a@1 5 10", "b@0 10 10", "b@1 20 20", "a@2 30 30")
}

func TestSingleInputNeverWaits(t *testing.T) {
	b := newBench(t, "a").open()
	b.add("a", 1000, rec(0, 10), rec(1, 5))
	want(t, "order", b.process(), "a@0 10 10", "a@1 5 10")
}

func TestExternalInputIsWaitedForUntilCaughtUp(t *testing.T) {
	b := newBench(t, "a", "b").open()
	b.add("a", 0, rec(0, 10))
	want(t, "the end of b is not known", b.process())
	same(t, "waits for", b.task.Waiting(), "b")
	b.add("b", 2)
	want(t, "b has two records", b.process())
	b.add("b", 1, rec(0, 3))
	want(t, "b has one more record", b.process(), "b@0 3 3")
	b.add("b", 0, rec(1, 4))
	want(t, "b is caught up", b.process(), "b@1 4 4", "a@0 10 10")
	same(t, "waits for", b.task.Waiting(), "")
}

func TestTrailingControlRecordsAndGapsCountAsProcessed(t *testing.T) {
	b := newBench(t, "a", "b").open()
	b.add("a", 0, rec(0, 10)).add("b", 0, rec(0, 1), marker(1), rec(5, 2), marker(6), marker(7))
	want(t, "order", b.process(), "b@0 1 1", "b@5 2 2", "a@0 10 10")
	for _, p := range b.task.Positions() {
		same(t, p.Topic, p.Offset, map[string]int64{"a": 1, "b": 8}[p.Topic])
	}
	b.task.Enqueue("b", nil, 20)
	b.add("a", 0, rec(1, 11))
	want(t, "b has more", b.process())
	b.add("b", 0, marker(19))
	want(t, "but it was compacted away, up to a marker", b.process(), "a@1 11 11")
}

func TestLiveRecordsWaitForNothing(t *testing.T) {
	b := newBench(t, "a", "b").open()
	now := b.clock.now.UnixMilli()
	b.add("a", 0, rec(0, now-1001), rec(1, now-999)).add("b", 5)
	want(t, "behind", b.process())
	b.clock.advance(-2 * time.Millisecond)
	want(t, "live", b.process(), "a@0 999998999 999998999", "a@1 999999001 999999001")
}

func TestTimelessInputsAreNotWaitedFor(t *testing.T) {
	b := newBench(t, "a", "b")
	b.opts.Sub.Inputs[1].Timeless = true
	b.open()
	b.add("a", 0, rec(0, 10), rec(1, 20))
	want(t, "b has nothing yet", b.process(), "a@0 10 10", "a@1 20 20")
	same(t, "time", b.task.Time(), 20)
	b.add("b", 0, rec(0, 3)).add("a", 0, rec(2, 30))
	want(t, "b is in order", b.process(), "b@0 3 3", "a@2 30 30")
	same(t, "time", b.task.Time(), 30)
}

// What an input without time has comes first, also if its timestamps are later than all others: it
// has no place in their order.
func TestTimelessInputsComeFirst(t *testing.T) {
	b := newBench(t, "a", "b")
	b.opts.Sub.Inputs[1].Timeless = true
	b.open()
	b.add("b", 0, rec(0, 1000), rec(1, 7)).add("a", 0, rec(0, 10), rec(1, 20))
	want(t, "b, then a", b.process(), "b@0 1000 1000", "b@1 7 1000", "a@0 10 10", "a@1 20 20")
	same(t, "time", b.task.Time(), 20)
}

// In a bounded run an input without time is read to its end first.
func TestBoundedRunReadsTimelessInputsFirst(t *testing.T) {
	b := newBench(t, "a", "b")
	b.opts.Sub.Inputs[1].Timeless = true
	b.opts.Bounded = &Bounded{Run: 7, Ends: map[string]int64{"a": 1, "b": 2}}
	b.open()
	b.add("a", 0, rec(0, 10))
	want(t, "b has nothing yet", b.process())
	b.add("b", 0, rec(0, 1000))
	want(t, "b has not ended", b.process(), "b@0 1000 1000")
	b.add("b", 0, rec(1, 5))
	want(t, "b has", b.process(), "b@1 5 1000", "a@0 10 10")
}

func TestRepartitionInputIsWaitedForUntilAnnounced(t *testing.T) {
	b := newBench(t, "a", "r:b").open()
	b.add("a", 0, rec(0, 10), rec(1, 20)).add("r:b", 0)
	want(t, "nobody has announced", b.process())
	b.add("r:b", 0, bare(0, told(0, 15, 0)))
	want(t, "one of two has", b.process())
	b.add("r:b", 0, bare(1, told(1, 10, 0)))
	want(t, "a comes first in the plan", b.process(), "a@0 10 10")
	b.add("r:b", 0, bare(2, told(1, 99, 0)))
	want(t, "the other one is behind", b.process())
	b.add("r:b", 0, bare(3, told(0, 15, idle)))
	want(t, "the other one is idle", b.process(), "a@1 20 20")
}

func TestOfEqualTimesTheFirstInputWins(t *testing.T) {
	b := newBench(t, "r:b", "a").open()
	b.add("a", 0, rec(0, 10))
	b.add("r:b", 0, bare(0, told(0, 10, 0)), bare(1, told(1, 10, 0)))
	want(t, "b may bring another 10", b.process())
	b.add("r:b", 0, rec(2, 10), bare(3, told(0, 11, 0)), bare(4, told(1, 11, 0)))
	want(t, "b has passed 10", b.process(), "b@2 10 10", "a@0 10 10")
}

func TestCaughtUpWritersAreNotWaitedFor(t *testing.T) {
	b := newBench(t, "a", "r:b").open()
	b.add("a", 0, rec(0, 10))
	b.add("r:b", 3, bare(0, told(0, 5, caughtUp)), bare(1, told(1, 5, caughtUp)))
	want(t, "there is more in b's partition", b.process())
	b.add("r:b", 0, rec(2, 6), marker(3), marker(4))
	want(t, "all is processed", b.process(), "b@2 6 6", "a@0 10 10")
	b.add("a", 0, rec(1, 11)).add("r:b", 0, bare(5, told(0, 6, 0)))
	want(t, "one has more to do", b.process())
}

func TestBoundedRunWaitsForTheNextRecord(t *testing.T) {
	b := newBench(t, "a", "b")
	b.opts.Bounded = &Bounded{Run: 7, Ends: map[string]int64{"a": 3, "b": 3}}
	b.open()
	now := b.clock.now.UnixMilli()
	b.add("a", 2, rec(0, now)).add("b", 0, rec(0, now+5), rec(1, now+1))
	want(t, "neither being live nor b's ref lets a record pass", b.process(), "a@0 1000000000 1000000000")
	b.add("a", 0, rec(1, now+6), marker(2))
	want(t, "order", b.process(), "b@0 1000000005 1000000005", "b@1 1000000001 1000000005")
	b.add("b", 0, marker(2))
	want(t, "b has ended", b.process(), "a@1 1000000006 1000000006")
}

func TestBoundedRunStopsAtItsEnd(t *testing.T) {
	b := newBench(t, "a", "b")
	b.opts.Bounded = &Bounded{Run: 7, Ends: map[string]int64{"a": 2, "b": 5}}
	b.open()
	b.add("a", 0, rec(0, 10), rec(1, 20), rec(2, 30), rec(3, 40))
	b.add("b", 0, rec(0, 1), rec(9, 2)) // offsets 1 to 8 are compacted away
	want(t, "order", b.process(), "b@0 1 1", "a@0 10 10", "a@1 20 20")
	for _, p := range b.task.Positions() {
		same(t, p.Topic, p.Offset, map[string]int64{"a": 2, "b": 5}[p.Topic])
		same(t, p.Topic, p.Ended, 7)
	}
}

func TestRecordsFetchedTwiceAreProcessedOnce(t *testing.T) {
	b := newBench(t, "a").open()
	b.add("a", 0, rec(0, 1), rec(1, 2)).add("a", 0, rec(0, 1), rec(1, 2), rec(2, 3))
	want(t, "order", b.process(), "a@0 1 1", "a@1 2 2", "a@2 3 3")
}

func TestLimit(t *testing.T) {
	b := newBench(t, "a").open()
	b.add("a", 0, rec(0, 1), rec(1, 2), rec(2, 3))
	n, err := b.task.Process(2)
	if n != 2 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	want(t, "first", b.saw(), "a@0 1 1", "a@1 2 2")
	same(t, "buffered", b.task.Buffered("a"), recordOverhead+2)
	want(t, "rest", b.process(), "a@2 3 3")
	same(t, "buffered", b.task.Buffered("a"), 0)
}

func TestKolksHeadersAreTakenOffRepartitionRecordsOnly(t *testing.T) {
	b := newBench(t, "a", "r:b")
	var got []string
	b.receive = func(_ flow.Task, m *flow.Message) error {
		for _, h := range m.Headers {
			got = append(got, m.Origin.Topic+" "+h.Key+"="+string(h.Value))
		}
		return nil
	}
	b.open()
	late := kgo.RecordHeader{Key: LateHeader, Value: appendLate(nil, 7)}
	mine := kgo.RecordHeader{Key: "mine", Value: []byte("1")}
	b.add("r:b", 0, rec(0, 10, late, mine, told(0, 100, 0)), rec(1, 11, told(1, 100, 0)))
	b.add("a", 0, rec(0, 50, kgo.RecordHeader{Key: LateHeader, Value: []byte("x")}))
	want(t, "order", b.process(), "b@0 10 17", "b@1 11 11", "a@0 50 50")
	want(t, "headers", got, "app-b-repartition mine=1", "a kolk-late=x")
}

func TestUnreadableHeadersStopTheTask(t *testing.T) {
	b := newBench(t, "r:b").open()
	b.add("r:b", 0, rec(0, 10, kgo.RecordHeader{Key: TimeHeader, Value: []byte{9, 0}}))
	_, err := b.task.Process(1)
	if err == nil || err.Error() != "task s/0: record app-b-repartition/0 at offset 0: header kolk-time of version 9, which a newer kolk has written" {
		t.Errorf("got %v", err)
	}
}

// TestBehind: whether more comes as soon as it is fetched decides how soon to commit.
func TestBehind(t *testing.T) {
	b := newBench(t, "a", "b")
	b.opts.Bounded = &Bounded{Run: 7, Ends: map[string]int64{"a": 4, "b": 1}}
	b.open()
	behind := func(when string, expected bool) {
		t.Helper()
		same(t, when, b.task.Behind(), expected)
	}
	behind("no end is known", false)
	b.add("a", 2, rec(0, 100))
	b.add("b", 0, rec(0, 100))
	behind("all inputs have something queued", false)
	b.process()
	behind("offsets 1 and 2 of a are not fetched", true)
	b.add("a", 0, rec(1, 101), rec(2, 102))
	b.process()
	behind("drained", false)
	b.add("a", 4)
	behind("one more record is known of", true)
	b.abort()
	b.add("a", 0, rec(0, 100), rec(1, 101), rec(2, 102), rec(3, 103))
	behind("b was rewound, and is fetched again", true)
	b.add("b", 7, rec(0, 100))
	b.process()
	behind("both are at the end of the run; b goes on behind it", false)
}
