package record

// Reason says why a record was dropped. Reasons are counted by node.
type Reason string

const (
	// LateRecord: the record's Ref had passed end and grace of all of its windows. A function of
	// the input alone. What was late for some of them counts in the others, and is no drop: see
	// [LateWindows].
	LateRecord Reason = "late"
	// WindowClosed: no window took the record, and it was late for none: an idle input had let them
	// close before.
	WindowClosed Reason = "window-closed"
	// TimePassed: not late, but an idle input had let time pass, and what is later was handed on in
	// order before.
	TimePassed Reason = "time-passed"
	// NullKey: an operator that needs a key met a record without one.
	NullKey Reason = "null-key"
	// NullValue: an operator that needs a value met a tombstone.
	NullValue Reason = "null-value"
	// NoMatch: an inner join found nothing. It is no fault, and counted for those who wonder where
	// records went.
	NoMatch Reason = "no-match"
	// Limited: the record exceeded what a limit lets pass of its key and window.
	Limited Reason = "limited"
	// Duplicate: a record with the same key and id has come before, within the time.
	Duplicate Reason = "duplicate"
	// Failed: a function or serde failed and the error policy is skip.
	Failed Reason = "error"
	// FutureTime: the record lies further ahead than its source allows (topology.MaxFuture), and
	// the error policy is skip.
	FutureTime Reason = "future"
)

// Tally is something that a node counts beside the records that it drops.
type Tally string

const (
	// LateWindows are pairs of a record and a window that it was late for: more than [LateRecord]
	// has records where windows overlap, for those too that other windows took.
	LateWindows Tally = "late-windows"
	// ClosedWindows are pairs of a record and a window that an idle input had let close before,
	// though the record was not late.
	ClosedWindows Tally = "closed-windows"
	// Unmatched are the records for which a left join found nothing. Those of an inner join are
	// dropped, as [NoMatch].
	Unmatched Tally = "unmatched"
	// ExpiredRows are rows that a processor has put into a store with a retention or a history, and
	// that were too old for it.
	ExpiredRows Tally = "expired-rows"
)
