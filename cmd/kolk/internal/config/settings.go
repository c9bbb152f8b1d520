package config

import (
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/kolkstream/kolk/processor"
)

// Settings returns all settings, in the order of the documentation. A row is all that a setting
// needs: key, group, field, default, kind and what it says in help and documentation.
func Settings() []Setting {
	return []Setting{
		row("log-level", Logging, func(c *Config) *slog.Level { return &c.Level }, slog.LevelInfo,
			choice(is("debug", slog.LevelDebug), is("info", slog.LevelInfo), is("warn", slog.LevelWarn), is("error", slog.LevelError)),
			"least level of log lines"),
		row("log-format", Logging, func(c *Config) *string { return &c.Format }, "text", word("text", "json"), "form of log lines"),

		row("brokers", Cluster, func(c *Config) *[]string { return &c.Processor.Brokers }, nil, list(commas),
			"addresses of brokers to start with, separated by commas"),
		row("replication-factor", Cluster, func(c *Config) *int { return &c.Processor.ReplicationFactor }, -1, except(number(-1, math.MaxInt16), 0, "-1 is the brokers' default"),
			"replicas of topics that are created; -1: the brokers' default"),

		row("application-id", Running, func(c *Config) *string { return &c.Processor.ApplicationID }, "", text,
			"consumer group and prefix of internal topics; empty: the topology's name"),
		row("state-dir", Running, func(c *Config) *string { return &c.Processor.StateDir }, "", text,
			"directory of the local state; empty: kolk-state/<application>"),
		row("workers", Running, func(c *Config) *int { return &c.Processor.Workers }, 0, number(0, math.MaxInt16),
			"worker goroutines, each a consumer and a transactional producer; 0: one per processor, as far as memory suffices (16 MiB each)"),
		row("guarantee", Running, func(c *Config) *processor.Guarantee { return &c.Processor.Guarantee }, processor.ExactlyOnce,
			choice(is("exactly-once", processor.ExactlyOnce), is("at-least-once", processor.AtLeastOnce)),
			"what a crash may do to results"),
		row("commit-interval", Running, func(c *Config) *time.Duration { return &c.Processor.CommitInterval }, 100*time.Millisecond, duration,
			"longest time between two commits of a busy worker"),
		row("commit-min", Running, func(c *Config) *time.Duration { return &c.Processor.CommitMin }, 10*time.Millisecond, duration,
			"shortest time between two commits of a worker whose input is drained"),
		row("on-error", Running, func(c *Config) *processor.ErrorPolicy { return &c.Processor.OnError }, processor.Fail,
			choice(is("fail", processor.Fail), is("skip", processor.Skip)),
			"what to do with a record that cannot be processed"),
		row("until-end", Running, func(c *Config) *bool { return &c.Processor.UntilEnd }, false, boolean,
			"process what the input topics hold now, close all windows, and exit"),
		row("idle-after", Running, func(c *Config) *time.Duration { return &c.Processor.IdleAfter }, 10*time.Second, orNever(duration),
			"an input that is quiet for so long no longer holds the others' windows open"),
		row("live-within", Running, func(c *Config) *time.Duration { return &c.Processor.LiveWithin }, time.Second, duration,
			"with less lag than this an input is live, and nothing waits for others"),
		row("max-ahead", Running, func(c *Config) *time.Duration { return &c.Processor.MaxAhead }, 0, orNever(duration),
			"how far, in event time, a partition of old data may be ahead of the slowest one that it meets behind a repartition topic; not given: 1h, or more where that would cost throughput"),
		row("watermark-interval", Running, func(c *Config) *time.Duration { return &c.Processor.WatermarkInterval }, time.Second, duration,
			"how often time is announced to a repartition topic without records"),
		row("task-timeout", Running, func(c *Config) *time.Duration { return &c.Processor.TaskTimeout }, 5*time.Minute, duration,
			"a record that takes longer stops the instance"),
		row("session-timeout", Running, func(c *Config) *time.Duration { return &c.Processor.SessionTimeout }, 10*time.Second, duration,
			"an instance that is silent for so long loses its partitions"),
		row("transaction-timeout", Running, func(c *Config) *time.Duration { return &c.Processor.TransactionTimeout }, 10*time.Second, duration,
			"a transaction that is open for so long is aborted by the broker"),
		row("shutdown-timeout", Running, func(c *Config) *time.Duration { return &c.Processor.ShutdownTimeout }, 30*time.Second, duration,
			"time for a clean stop, after which work in hand is aborted"),
		row("stay-in-group", Running, func(c *Config) *bool { return &c.Processor.StayInGroup }, false, boolean,
			"keep the membership at a clean stop, for a restart within session-timeout"),
		row("memory", Running, func(c *Config) *int64 { return &c.Processor.Memory }, 256<<20, amount,
			"what caches, databases, queues and transactions take together; the process takes up to 80 MiB more"),
		row("max-message-bytes", Running, func(c *Config) *int64 { return &c.Processor.MaxMessageBytes }, 0, amount,
			"largest message of internal topics that are created; 0: as much as the largest of the other topics takes, and 64KiB more"),
		row("flush-size", Running, func(c *Config) *int64 { return &c.Processor.FlushBytes }, 64<<20, amount,
			"a task's database is written out after so much: what a crash may make it replay"),
		row("flush-interval", Running, func(c *Config) *time.Duration { return &c.Processor.FlushInterval }, 5*time.Minute, duration,
			"a task's database is written out after so long"),

		row("data", Loading, func(c *Config) *[]string { return &c.Data }, nil, list(pairs),
			"TOPIC=FILE to load, once: JSON lines or CSV, plain or gzip; may be repeated"),
		row("partitions", Loading, func(c *Config) *int { return &c.Partitions }, 4, number(1, math.MaxInt16),
			"partitions of topics that are created"),

		row("data-dir", Developing, func(c *Config) *string { return &c.DataDir }, "", text,
			"directory of the embedded broker and the state; empty: kolk-data/<application>"),
		row("fresh", Developing, func(c *Config) *bool { return &c.Fresh }, false, boolean, "empty the data directory first"),
		row("port", Developing, func(c *Config) *int { return &c.Port }, 0, number(0, math.MaxUint16),
			"port of the embedded broker on 127.0.0.1; 0: the one of the last run, or a free one"),
		row("output", Developing, func(c *Config) *string { return &c.Output }, "auto", word("auto", "table", "json", "none"),
			"how results are printed; auto: a table on a terminal, else JSON lines"),
	}
}

// Setting is one key.
type Setting struct {
	Key     string // in a file; as a flag with -- before it
	Env     string
	Default string // as it is written; empty if nothing is
	Usage   string // with what may be written, where that is a choice
	group   Group
	Kind    string // how it is written: text, number, duration, bytes, bool, list
	forms   form   // what a file may write
	list    bool
	reset   func(*Config)
	read    func(*Config, []string) error
	write   func(*Config) string
	field   func(*Config) any // a pointer
}

// Value is how a configuration would write the setting.
func (s Setting) Value(c Config) string { return s.write(&c) }

// row makes a setting.
func row[T any](key string, g Group, field func(*Config) *T, def T, k kind[T], usage string) Setting {
	if k.among != "" {
		usage += " (" + k.among + ")"
	}
	return Setting{
		Key: key, Env: "KOLK_" + strings.ToUpper(strings.ReplaceAll(key, "-", "_")), Default: k.write(def), Usage: usage,
		group: g, Kind: k.name, forms: k.forms, list: k.list,
		reset: func(c *Config) { *field(c) = def },
		read: func(c *Config, texts []string) error {
			v, err := k.read(texts)
			if err == nil {
				*field(c) = v
			}
			return err
		},
		write: func(c *Config) string { return k.write(*field(c)) },
		field: func(c *Config) any { return field(c) },
	}
}
