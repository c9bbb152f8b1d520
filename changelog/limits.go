package changelog

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Limits is what a topic takes, as its configuration said when it was read. It is safe for
// concurrent use; nil takes everything.
type Limits struct {
	// Topic is the name on the broker.
	Topic string
	// MaxBytes is max.message.bytes: of a batch, and so of a message. 0 if it is not known.
	MaxBytes int
	// Stamped says that timestamps are checked: messages more than Before milliseconds older, or
	// After milliseconds younger, than the broker's clock are refused
	// (message.timestamp.before.max.ms, message.timestamp.after.max.ms).
	Stamped       bool
	Before, After int64
	// Overwritten says that the broker puts its own clock in the place of timestamps
	// (message.timestamp.type=LogAppendTime).
	Overwritten bool
	// Compacted says that messages without key are refused (cleanup.policy).
	Compacted bool
	// Retention is after how many milliseconds messages are deleted, by their timestamps
	// (retention.ms); 0: never.
	Retention int64

	now  func() time.Time
	told atomic.Bool // that messages are older than Retention
}

// forever is how Kafka writes a limit that there is not.
const forever = 1<<63 - 1

// NewLimits reads a topic's configuration. Missing values are no limits. now is the clock that
// timestamps are compared with: the machine's, as the broker's is.
func NewLimits(topic string, config map[string]string, now func() time.Time) *Limits {
	number := func(key string, otherwise int64) int64 {
		if n, err := strconv.ParseInt(config[key], 10, 64); err == nil {
			return n
		}
		return otherwise
	}
	l := &Limits{Topic: topic, now: now}
	l.MaxBytes = int(number(maxMessageBytes, 0))
	l.Before, l.After = number(timestampBefore, forever), number(timestampAfter, forever)
	l.Overwritten = config[timestampType] == "LogAppendTime"
	l.Stamped = !l.Overwritten && (l.Before != forever || l.After != forever)
	deletes := false
	for p := range strings.SplitSeq(config[cleanupPolicy], ",") {
		switch strings.TrimSpace(p) {
		case "compact":
			l.Compacted = true
		case "delete":
			deletes = true
		}
	}
	if deletes {
		l.Retention = max(0, number(retention, 0))
	}
	return l
}

// The settings of a topic that refuse or delete messages.
const (
	maxMessageBytes = "max.message.bytes"
	timestampType   = "message.timestamp.type"
	timestampBefore = "message.timestamp.before.max.ms"
	timestampAfter  = "message.timestamp.after.max.ms"
	cleanupPolicy   = "cleanup.policy"
	retention       = "retention.ms"
)

// Same reports whether two topics take the same.
func (l *Limits) Same(o *Limits) bool {
	if l == nil || o == nil {
		return l == o
	}
	return l.MaxBytes == o.MaxBytes && l.Stamped == o.Stamped && l.Before == o.Before && l.After == o.After &&
		l.Overwritten == o.Overwritten && l.Compacted == o.Compacted && l.Retention == o.Retention
}

// overhead is what a message takes in a batch of its own besides key, value and headers, at most.
const overhead = 96

// Gate checks what goes to one topic. It belongs to one goroutine.
type Gate struct {
	limits    *Limits
	earliest  int64 // timestamps from this one to latest need no look at the clock
	latest    int64
	most      int // bytes
	compacted bool
	retention int64 // 0: never, or told
}

// NewGate returns the gate to a topic; nil limits take everything. reserve is how many bytes the
// sender adds to a message after the check.
func NewGate(l *Limits, reserve int) Gate {
	g := Gate{limits: l, earliest: -forever - 1, latest: forever, most: forever}
	if l == nil {
		return g
	}
	if l.MaxBytes > 0 {
		g.most = l.MaxBytes - reserve
	}
	if l.Stamped && l.After != forever {
		g.latest = -forever - 1
	}
	if l.Stamped && l.Before != forever {
		g.earliest = forever
	}
	g.compacted = l.Compacted
	if !l.Overwritten {
		g.retention = l.Retention
	}
	return g
}

// Check returns a [*RefusedError] for a message that the topic does not take. It allocates nothing
// for one that it takes, and asks for the clock only if the topic's limits ask for it.
func (g *Gate) Check(key, value []byte, timestamp int64, headers []kgo.RecordHeader) error {
	n := overhead + len(key) + len(value)
	for i := range headers {
		n += 2*5 + len(headers[i].Key) + len(headers[i].Value)
	}
	if n > g.most || timestamp > g.latest || timestamp < g.earliest || key == nil && g.compacted {
		return g.check(key, n, timestamp)
	}
	return nil
}

// check looks closer at a message of n bytes.
func (g *Gate) check(key []byte, n int, timestamp int64) error {
	l := g.limits
	if n > g.most {
		return l.refuse(key, maxMessageBytes, "it takes %s bytes before compression, and %s is %s: set it to more",
			humanize.Comma(int64(n)), maxMessageBytes, humanize.Comma(int64(l.MaxBytes)))
	}
	if key == nil && g.compacted {
		return l.refuse(key, cleanupPolicy, "it has no key, and a topic with %s=compact takes only messages with one: give it a key, or set %s=delete", cleanupPolicy, cleanupPolicy)
	}
	return g.checkTime(key, timestamp)
}

// noTimestamp is one that Kafka does not check.
const noTimestamp = -1

// checkTime does as the broker does, overflows included.
func (g *Gate) checkTime(key []byte, timestamp int64) error {
	l := g.limits
	now := l.now().UnixMilli()
	if l.After != forever && now <= forever-l.After {
		g.latest = now + l.After
	}
	diff := timestamp - now
	switch {
	case timestamp == noTimestamp:
	case diff > l.After:
		return l.refuse(key, timestampAfter, "its timestamp %s lies %s ahead of the clock, and %s is %d (%s): set it to more", moment(timestamp), span(diff), timestampAfter, l.After, span(l.After))
	case -diff > l.Before:
		return l.refuse(key, timestampBefore, "its timestamp %s lies %s behind the clock, and %s is %d (%s): set it to more", moment(timestamp), span(-diff), timestampBefore, l.Before, span(l.Before))
	}
	return nil
}

// Outlived reports whether at the wall-clock time now, in milliseconds, the topic's retention has
// passed a message already, so that the broker deletes it when it likes; it says so once for all
// gates of the topic.
func (g *Gate) Outlived(timestamp, now int64) bool {
	if g.retention == 0 || timestamp >= now-g.retention || timestamp == noTimestamp {
		return false
	}
	g.retention = 0
	return !g.limits.told.Swap(true)
}

func (l *Limits) refuse(key []byte, setting, format string, args ...any) *RefusedError {
	return &RefusedError{Topic: l.Topic, Key: append([]byte(nil), key...), Setting: setting, Reason: fmt.Sprintf(format, args...)}
}

// RefusedError is a message that its topic does not take.
type RefusedError struct {
	// Topic is the name on the broker, Key the message's key, nil if it has none.
	Topic string
	Key   []byte
	// Setting is the topic's setting that says so, "" if it is not known.
	Setting string
	// Reason says what is wrong, and what to do.
	Reason string
	// Err is the broker's error, or the client's; nil if it did not come to that.
	Err error
}

// Error says what is wrong with which message.
func (e *RefusedError) Error() string {
	of := ""
	if len(e.Key) > 0 {
		const most = 80
		of = " with key " + strconv.Quote(string(e.Key[:min(len(e.Key), most)]))
	}
	return fmt.Sprintf("topic %s does not take the message%s: %s", e.Topic, of, e.Reason)
}

// Unwrap returns the broker's error.
func (e *RefusedError) Unwrap() error { return e.Err }

func moment(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// span writes milliseconds as days, or as a duration.
func span(ms int64) string {
	const day = 24 * 60 * 60 * 1000
	if ms >= 2*day || ms < 0 {
		return strconv.FormatInt(ms/day, 10) + " days"
	}
	return (time.Duration(ms) * time.Millisecond).String()
}
