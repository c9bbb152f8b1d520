// Package timing has the time settings of an application as one value, which its parts share.
package timing

import "time"

// Settings are the times of processor.Config, whose documentation says what they mean, with their
// defaults. It is a plain value; nobody changes it once the application has started.
type Settings struct {
	// CommitInterval and CommitMin bound when a transaction is committed.
	CommitInterval, CommitMin time.Duration

	// IdleAfter is how long an input that is caught up must be quiet to be idle; zero or less:
	// never.
	IdleAfter time.Duration
	// LiveWithin is up to which age a record waits for nothing; zero: none is that young.
	LiveWithin time.Duration
	// WatermarkInterval is how long a partition of a repartition topic is left without news of
	// time; zero or less: a second. Less than a millisecond: told at each commit.
	WatermarkInterval time.Duration
	// MaxAhead is the bound between tasks that keep together; zero: chosen as it runs, negative:
	// none.
	MaxAhead time.Duration

	// Task bounds the processing of a batch, Session the silence of a member of the group,
	// Transaction an open transaction, and Shutdown the end of it all.
	Task, Session, Transaction, Shutdown time.Duration

	// Flush is how long what was committed may stay in memory alone.
	Flush time.Duration
}

// Heartbeat is how often a member tells the group that it is there.
func (s Settings) Heartbeat() time.Duration { return min(s.Session/3, 300*time.Millisecond) }

// Rebalance is how long the group waits for members that are at work when it meets.
func (s Settings) Rebalance() time.Duration { return max(s.Session, s.Task) }

// Stale is how long others wait for a task of which nothing is heard.
func (s Settings) Stale() time.Duration { return 3 * s.Session }
