package windows

import (
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// rule says by which time records are late for windows, and windows close.
type rule interface {
	// moment is told of each record that has a key. It returns the time by which a window that has
	// closed does not take the record because that is late, the time by which windows have been
	// closed, and whether the record is to close windows, by the first of the two.
	moment(ts, ref int64) (late, closed int64, closes bool)
	// opened returns the time by which windows had closed, and been handed on, when the task was
	// opened: what the store has of them is to be deleted.
	opened() int64
	// advanced returns whether windows close when task time has become now.
	advanced(now int64) bool
	// flushed is called at the commit. It returns the time that closes windows, whether those that
	// it closes are handed on then, and whether it has moved.
	flushed() (now int64, closes, moved bool)
	// kept returns until when the mark is kept behind a window that closes at a time.
	kept(closes int64) int64
}

// byTask is the rule by which results are a function of the input. A record is late for a window if
// its Ref has passed the window's close. A window closes when the task's time has.
type byTask struct {
	task Task
	// held says that an operator of the task holds back what it sends here until the commit. Task
	// time runs ahead of that, so windows close at the flush only, when it has come; at is the time
	// as of the last flush.
	held bool
	at   int64
}

func (b *byTask) moment(_, ref int64) (late, closed int64, closes bool) {
	if b.held {
		return ref, b.at, false
	}
	return ref, b.task.Time(), false
}

func (b *byTask) opened() int64 { return b.task.Time() }

func (b *byTask) advanced(int64) bool { return !b.held }

func (b *byTask) flushed() (now int64, closes, moved bool) {
	now = b.task.Time()
	moved, b.at = b.held && now > b.at, now
	return now, b.held, moved
}

func (b *byTask) kept(closes int64) int64 { return closes }

// byClock is Kafka Streams' rule, by the largest timestamp that the operator has seen: a window
// that it has passed the close of takes no record, and comes out with the record that has moved it.
// What has been closed is what lies before the mark, which is kept.
//
// The end of a bounded run closes all windows, as with the other rule.
type byClock struct {
	task  Task
	clock *operator.Clock
}

func (b *byClock) moment(ts, _ int64) (late, closed int64, closes bool) {
	closes = b.clock.See(ts)
	return b.clock.Time(), record.NoTime, closes
}

func (b *byClock) opened() int64 { return record.NoTime }

func (b *byClock) advanced(now int64) bool { return now == record.EndOfTime }

func (b *byClock) flushed() (now int64, closes, moved bool) {
	if now = b.task.Time(); now != record.EndOfTime {
		now = b.clock.Time()
	}
	return now, true, false
}

func (b *byClock) kept(int64) int64 { return record.EndOfTime }

// byClocks is Kafka Streams' rule for several streams that are aggregated together. Each has a time
// of its own, by which its records are late. They share the store, and that forgets windows by the
// largest start of one that was put: a record that is late by that, but not by the time of its
// stream, begins the window anew.
type byClocks struct {
	byClock
	starts *operator.Clock
}

func (b *byClocks) flushed() (now int64, closes, moved bool) {
	if now = b.task.Time(); now != record.EndOfTime {
		now = b.starts.Time()
	}
	return now, true, false
}
