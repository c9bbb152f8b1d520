package task

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/topology"
)

func TestTimeIsTheLeastOfTheInputs(t *testing.T) {
	b := newBench(t, "a", "b")
	var advanced []int64
	b.more = func(_ flow.Task, g *flow.Graph) {
		g.Timed = append(g.Timed, timedFunc(func(now int64) error {
			advanced = append(advanced, now)
			return nil
		}))
	}
	b.open()
	same(t, "at first", b.task.Time(), topology.NoTime)
	b.add("a", 0, rec(0, 10), rec(1, 8), rec(2, 40)).add("b", 0, rec(0, 20), rec(1, 30))
	b.process()
	same(t, "time", b.task.Time(), 30)
	want(t, "advanced", advanced, 10, 30)
}

func TestRepartitionTimeIsTheLeastOfItsWriters(t *testing.T) {
	b := newBench(t, "r:b").open()
	for i, c := range []struct {
		h    kgo.RecordHeader
		time int64
	}{
		{told(0, 50, 0), topology.NoTime},      // the other was never heard
		{told(1, 30, 0), 30},                   // the least
		{told(1, 20, 0), 30},                   // never back
		{told(1, 30, idle), 50},                // idle: left out
		{told(0, 60, idle), 60},                // all idle: the largest
		{told(1, 70, idle), 70},                // still idle
		{told(0, 65, 0), 70},                   // back, but time is not
		{told(0, 80, end), 80},                 // an end without a run means nothing
		{toldIn(3, 1, 90, end), 80},            // nor does one of a run that is not this one
		{toldIn(0, 0, topology.NoTime, 0), 80}, // a writer that has begun anew
	} {
		b.add("r:b", 0, bare(int64(i), c.h))
		b.process()
		same(t, "time after announcement "+strconv.Itoa(i), b.task.Time(), c.time)
	}
}

func TestAnAnnouncementCountsBeforeItsRecord(t *testing.T) {
	b := newBench(t, "r:b")
	var times []int64
	b.receive = func(tk flow.Task, _ *flow.Message) error {
		times = append(times, tk.Time())
		return nil
	}
	b.open()
	b.add("r:b", 0, bare(0, told(1, 99, 0)), rec(1, 50, told(0, 40, 0)), rec(2, 60, told(0, 45, 0)), rec(3, 70))
	b.process()
	// It covers what lies before it. Time itself advances behind the record.
	want(t, "times", times, topology.NoTime, 40, 45)
	same(t, "time", b.task.Time(), 45)
}

func TestIdleInputs(t *testing.T) {
	b := newBench(t, "a", "b").open()
	b.add("a", 0, rec(0, 100)).add("b", 0, rec(0, 50))
	b.process()
	same(t, "time", b.task.Time(), 50)
	b.clock.advance(6 * time.Second)
	b.add("a", 0, rec(1, 110))
	b.process()
	b.tick()
	same(t, "b was quiet for 6 s", b.task.Time(), 50)
	b.clock.advance(4*time.Second - time.Millisecond)
	b.tick()
	same(t, "b was quiet for almost 10 s", b.task.Time(), 50)
	b.clock.advance(time.Millisecond)
	b.tick()
	same(t, "b was quiet for 10 s", b.task.Time(), 110)
	b.add("b", 0, rec(1, 60))
	b.process()
	b.add("a", 0, rec(2, 120))
	b.process()
	same(t, "b counts again, and time does not go back", b.task.Time(), 110)
	b.add("b", 1, rec(2, 115))
	b.process()
	same(t, "b has passed it", b.task.Time(), 115)
	b.clock.advance(time.Hour)
	b.tick()
	same(t, "b is not caught up, a is idle", b.task.Time(), 115)
	b.add("b", 0, marker(3))
	b.process()
	b.tick()
	b.clock.advance(10 * time.Second)
	b.tick()
	same(t, "all are idle: the largest", b.task.Time(), 120)
}

func TestEmptyInputBecomesIdle(t *testing.T) {
	b := newBench(t, "a", "b").open()
	b.add("a", 0, rec(0, 100))
	b.tick()
	b.clock.advance(time.Hour)
	b.process()
	b.tick()
	same(t, "the end of b is not known", b.task.Time(), topology.NoTime)
	b.add("b", 0)
	b.process()
	b.clock.advance(10 * time.Second)
	b.tick()
	same(t, "b is empty", b.task.Time(), 100)
}

func TestIdleCanBeOff(t *testing.T) {
	b := newBench(t, "a", "b")
	b.opts.Times.IdleAfter = 0
	b.open()
	b.add("a", 0, rec(0, 100)).add("b", 0, rec(0, 50))
	b.process()
	b.clock.advance(1000 * time.Hour)
	b.tick()
	same(t, "time", b.task.Time(), 50)
}

func TestTimeOfATaskWithoutTimeStoreComesFromTheCommit(t *testing.T) {
	b := newBench(t, "a", "b")
	b.opts.Sub.Stores = b.opts.Sub.Stores[:1]
	b.opts.Start["a"] = Start{Offset: 5, Ref: 70}
	b.opts.Start["b"] = Start{Offset: 2, Ref: 60}
	b.open()
	same(t, "time", b.task.Time(), 60)
	b.add("a", 0, rec(5, 65)).add("b", 0)
	want(t, "ref goes on", b.process(), "a@5 65 70")
}

func TestTimeSurvivesRestartsAndAborts(t *testing.T) {
	b := newBench(t, "r:b").open()
	b.add("r:b", 0, bare(0, told(0, 50, 0)), bare(1, told(1, 40, idle)))
	b.process()
	same(t, "time", b.task.Time(), 50)
	b.commit()

	b.add("r:b", 0, bare(2, told(1, 80, 0)), bare(3, told(0, 90, 0)))
	b.process()
	same(t, "time", b.task.Time(), 80)
	b.abort()
	same(t, "time after the abort", b.task.Time(), 50)
	for _, p := range b.task.Rewind() {
		same(t, p.Topic, p.Offset, 2)
	}
	b.add("r:b", 0, bare(2, told(0, 60, 0)))
	b.process()
	same(t, "the announcements are those of the commit", b.task.Time(), 60)

	b.restart()
	same(t, "time after the restart", b.task.Time(), 50)
	b.add("r:b", 0, bare(2, told(0, 60, 0)))
	b.process()
	same(t, "the announcements are those of the commit", b.task.Time(), 60)
}

// A sub-topology without state gets another task when its input grows: who reads what it writes
// learns of it by its first announcement, or when it is opened, and counts it from then on. Fewer
// tasks than there were would be waited for, for ever.
func TestWritersBecomeMore(t *testing.T) {
	b := newBench(t, "r:b").open()
	b.add("r:b", 0, rec(0, 10, told(0, 5, 0)), rec(1, 10, told(1, 5, 0)))
	b.process()
	same(t, "time", b.task.Time(), 5)
	b.commit()
	b.add("r:b", 0, rec(2, 20, told(3, 30, 0)))
	b.process()
	b.abort()
	b.add("r:b", 0, rec(2, 20, told(3, 30, 0)), rec(3, 20, told(0, 40, 0)), rec(4, 20, told(1, 40, 0)))
	b.process()
	same(t, "time with a writer of which nothing was heard", b.task.Time(), 5)
	b.commit()
	b.add("r:b", 0, rec(5, 20, told(2, 20, 0)))
	b.process()
	same(t, "time", b.task.Time(), 20)
	b.commit()
	b.cluster["source"] = 4
	b.restart()
	b.close()
	b.cluster["source"] = 3
	err := b.tryOpen()
	if !errors.Is(err, report.ErrWriters) {
		t.Fatalf("got %v", err)
	}
	same(t, "message", err.Error(), `task s/0: task: a repartition topic has fewer writers than it had: `+
		`task s/0: repartition topic app-b-repartition was written by 4 tasks of sub-topology "w" and is now by 3`)
	b.cluster["source"] = 6
	b.open()
	b.add("r:b", 0, rec(6, 50, told(0, 60, 0)), rec(7, 50, told(1, 60, 0)), rec(8, 50, told(2, 60, 0)), rec(9, 50, told(3, 60, 0)), rec(10, 50, told(5, 60, 0)))
	b.process()
	same(t, "time before the fifth has said anything", b.task.Time(), 20)
	b.add("r:b", 0, rec(11, 50, told(4, 55, 0)))
	b.process()
	same(t, "time", b.task.Time(), 55)
	b.add("r:b", 0, rec(12, 50, told(1<<20, 5, 0)))
	if _, err := b.task.Process(1); !errors.Is(err, report.ErrWriters) {
		t.Errorf("a writer that cannot be: got %v", err)
	}
}

func TestUnknownWritersAreIgnored(t *testing.T) {
	b := newBench(t, "r:b").open()
	a := announcement{sub: []byte("of-another-version"), time: 5}
	b.add("r:b", 0, rec(0, 10, kgo.RecordHeader{Key: TimeHeader, Value: a.append(nil)}))
	want(t, "processed", b.process(), "b@0 10 10")
	same(t, "time", b.task.Time(), topology.NoTime)
}
