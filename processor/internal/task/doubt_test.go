package task

import (
	"testing"
	"time"
)

// TestWhatWasAnnouncedBeforeIsDoubted: after an outage a record waits for the writers of a
// repartition input again, although they had caught up before, until each has told something new or
// is known to have processed what was there.
func TestWhatWasAnnouncedBeforeIsDoubted(t *testing.T) {
	for _, said := range []flags{caughtUp, idle, idle | caughtUp} {
		b := newBench(t, "a", "r:b").open()
		b.add("a", 0, rec(0, 10))
		b.add("r:b", 0, bare(0, told(0, 5, said)), bare(1, told(1, 6, said)))
		want(t, "nobody waits", b.process(), "a@0 10 10")
		b.commit()

		b.opts.Doubt = map[string]int64{real("r:b"): 3}
		b.restart()
		b.add("a", 0, rec(1, 20)).add("r:b", 0, bare(2, told(0, 6, said)))
		want(t, "the writers may have more", b.process())
		same(t, "what is waited for", b.task.Waiting(), real("r:b"))
		b.add("r:b", 0, bare(3, told(0, 7, said)))
		want(t, "one has told", b.process())
		b.abort()
		b.add("a", 0, rec(1, 20)).add("r:b", 0, bare(2, told(0, 6, said)), bare(3, told(0, 7, said)))
		want(t, "again", b.process())
		b.task.CaughtUp()
		want(t, "the other has processed what there was", b.process(), "a@1 20 20")
		b.add("a", 0, rec(2, 21)).add("r:b", 0, bare(4, told(0, 8, 0)))
		want(t, "one has more to do", b.process())
		b.commit()

		b.restart()
		b.add("a", 0, rec(2, 21)).add("r:b", 0, rec(5, 12), bare(6, told(0, 22, 0)), bare(7, told(1, 22, 0)))
		want(t, "both have told how far they are", b.process(), "b@5 12 12", "a@2 21 21")
	}
}

// TestDoubtedIdlenessHoldsTimeBack: a window does not close because a writer was idle before the
// outage.
func TestDoubtedIdlenessHoldsTimeBack(t *testing.T) {
	b := newBench(t, "r:b").open()
	b.add("r:b", 0, bare(0, told(0, 5, idle)), bare(1, told(1, 6, 0)))
	b.process()
	same(t, "time", b.task.Time(), 6)
	b.commit()
	b.opts.Doubt = map[string]int64{real("r:b"): 2}
	b.restart()
	b.add("r:b", 0, bare(2, told(1, 50, 0)))
	b.process()
	same(t, "the idle one may have more", b.task.Time(), 6)
	b.task.CaughtUp()
	b.tick()
	same(t, "it has not", b.task.Time(), 50)
}

// TestAnAnnouncementAloneIsUndone: a task that had nothing but announcements to commit announces
// again after an abort, and knows where its changelogs end then.
func TestAnAnnouncementAloneIsUndone(t *testing.T) {
	b := newBench(t, "a").open()
	b.add("a", 0, rec(0, 10))
	b.process()
	b.commit()
	b.clock.advance(time.Hour)
	b.tick()
	for range 2 {
		if !b.task.Dirty() {
			t.Fatal("nothing is to be announced")
		}
		if err := b.task.Flush(); err != nil {
			t.Fatal(err)
		}
		b.task.ChangelogEnds()
		if len(b.out.to(real("r:next"))) == 0 || !b.task.Dirty() {
			t.Errorf("announced %v; dirty %v", b.out.sent, b.task.Dirty())
		}
		b.abort()
		b.tick()
	}
}
