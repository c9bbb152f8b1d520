package task

import (
	"testing"
	"time"
)

// The tests of this file put the clock back by hours: nobody waits until it comes to where it was.

func TestIdleWhenTheClockIsPutBack(t *testing.T) {
	b := newBench(t, "a", "b").open()
	b.add("a", 0, rec(0, 100))
	b.add("b", 0, rec(0, 50))
	b.process()
	b.tick()
	b.clock.advance(-3 * time.Hour)
	b.tick()
	b.clock.advance(5 * time.Second)
	b.add("a", 0, rec(1, 110))
	b.process()
	b.clock.advance(5 * time.Second)
	b.tick()
	same(t, "b has been quiet for 10 s", b.task.Time(), 110)
	b.clock.advance(-3 * time.Hour)
	b.tick()
	b.add("a", 0, rec(2, 120))
	b.process()
	same(t, "b is still idle", b.task.Time(), 120)
}

func TestAnnouncementsWhenTheClockIsPutBack(t *testing.T) {
	p0 := toPartition(t, 0)
	b := newRelayBench(t).open()
	for i, ts := range []int64{100, 110} {
		r := rec(int64(i), ts)
		r.Key = p0
		b.add("a", 1, r)
		b.process()
		if i == 0 {
			b.commit()
			b.clock.advance(-3 * time.Hour)
		}
	}
	want(t, "the partition without a record is told too", tells(t, b.commit()), "0 record", "0 control 100", "1 control 100")
}

func TestWallClockPunctuationWhenTheClockIsPutBack(t *testing.T) {
	b, calls := newScheduleBench(t)
	b.clock.now = time.UnixMilli(100_000_000)
	b.open()
	b.clock.advance(time.Minute)
	b.tick()
	b.commit()
	calls()
	b.close()
	b.clock.now = time.UnixMilli(30_000)
	b.open()
	b.tick()
	want(t, "early", calls())
	b.clock.now = time.UnixMilli(60_000)
	b.tick()
	want(t, "calls", calls(), "w 60000 at 60000")
}
