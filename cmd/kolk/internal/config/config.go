// Package config is the configuration of the command line: one struct, filled from flags, the environment (KOLK_...) and a
// file, in this order of precedence. docs/COMMAND-LINE.md lists every key; a test holds it to the struct.
package config

import "time"

// Config is everything that can be configured. The tag `key` names a field in a file (and, as a flag and in the environment,
// derived from it), `usage` is its help, `oneof` lists what is allowed, `min` is the least number (0 without it). A command takes the groups that it needs.
type Config struct {
	Log     `mapstructure:",squash"`
	Cluster `mapstructure:",squash"`
	Runtime `mapstructure:",squash"`
	Load    `mapstructure:",squash"`
	Dev     `mapstructure:",squash"`
}

// Log is how a command reports what it does, on standard error.
type Log struct {
	Level  string `mapstructure:"log-level" usage:"least level of log lines" oneof:"debug,info,warn,error"`
	Format string `mapstructure:"log-format" usage:"form of log lines" oneof:"text,json"`
}

// Cluster is where the brokers are, and what to ask of them.
type Cluster struct {
	Brokers           []string `mapstructure:"brokers" usage:"addresses of brokers to start with, separated by commas"`
	ReplicationFactor int      `mapstructure:"replication-factor" usage:"replicas of topics that are created; -1: the brokers' default" min:"-1"`
}

// Runtime is how a topology is run.
type Runtime struct {
	ApplicationID      string        `mapstructure:"application-id" usage:"consumer group and prefix of internal topics; empty: the topology's name"`
	StateDir           string        `mapstructure:"state-dir" usage:"directory of the local state; empty: kolk-state/<application>"`
	Workers            int           `mapstructure:"workers" usage:"worker goroutines, each a consumer and a transactional producer; 0: one per processor, as far as memory suffices (16 MiB each)"`
	Guarantee          string        `mapstructure:"guarantee" usage:"what a crash may do to results" oneof:"exactly-once,at-least-once"`
	CommitInterval     time.Duration `mapstructure:"commit-interval" usage:"longest time between two commits of a busy worker"`
	CommitMin          time.Duration `mapstructure:"commit-min" usage:"shortest time between two commits of a worker whose input is drained"`
	OnError            string        `mapstructure:"on-error" usage:"what to do with a record that cannot be processed" oneof:"fail,skip"`
	UntilEnd           bool          `mapstructure:"until-end" usage:"process what the input topics hold now, close all windows, and exit"`
	IdleAfter          time.Duration `mapstructure:"idle-after" usage:"an input that is quiet for so long no longer holds the others' windows open; 0: never"`
	LiveWithin         time.Duration `mapstructure:"live-within" usage:"with less lag than this an input is live, and nothing waits for others"`
	MaxAhead           time.Duration `mapstructure:"max-ahead" usage:"how far, in event time, a partition of old data may be ahead of the slowest one that it meets behind a repartition topic; 0: 1h, or more where that would cost throughput"`
	WatermarkInterval  time.Duration `mapstructure:"watermark-interval" usage:"how often time is announced to a repartition topic without records"`
	TaskTimeout        time.Duration `mapstructure:"task-timeout" usage:"a record that takes longer stops the instance"`
	SessionTimeout     time.Duration `mapstructure:"session-timeout" usage:"an instance that is silent for so long loses its partitions"`
	TransactionTimeout time.Duration `mapstructure:"transaction-timeout" usage:"a transaction that is open for so long is aborted by the broker"`
	ShutdownTimeout    time.Duration `mapstructure:"shutdown-timeout" usage:"time for a clean stop, after which work in hand is aborted"`
	StayInGroup        bool          `mapstructure:"stay-in-group" usage:"keep the membership at a clean stop, for a restart within session-timeout"`
	Memory             Bytes         `mapstructure:"memory" usage:"what caches, databases, queues and transactions take together; the process takes up to 80 MiB more"`
	FlushSize          Bytes         `mapstructure:"flush-size" usage:"a task's database is written out after so much: what a crash may make it replay"`
	FlushInterval      time.Duration `mapstructure:"flush-interval" usage:"a task's database is written out after so long"`
}

// Load is what to load into topics.
type Load struct {
	Data       []string `mapstructure:"data" usage:"TOPIC=FILE to load, once: JSON lines or CSV, plain or gzip; may be repeated"`
	Partitions int      `mapstructure:"partitions" usage:"partitions of topics that are created" min:"1"`
}

// Dev is what `kolk dev` adds.
type Dev struct {
	DataDir string `mapstructure:"data-dir" usage:"directory of the embedded broker and the state; empty: kolk-data/<application>"`
	Fresh   bool   `mapstructure:"fresh" usage:"empty the data directory first"`
	Port    int    `mapstructure:"port" usage:"port of the embedded broker on 127.0.0.1; 0: the one of the last run, or a free one"`
	Output  string `mapstructure:"output" usage:"how results are printed; auto: a table on a terminal, else JSON lines" oneof:"auto,table,json,none"`
}

// Default returns the configuration that holds where nothing is set.
func Default() Config {
	return Config{
		Log:     Log{Level: "info", Format: "text"},
		Cluster: Cluster{ReplicationFactor: -1},
		Runtime: Runtime{
			Guarantee:          "exactly-once",
			CommitInterval:     100 * time.Millisecond,
			CommitMin:          10 * time.Millisecond,
			OnError:            "fail",
			IdleAfter:          10 * time.Second,
			LiveWithin:         time.Second,
			WatermarkInterval:  time.Second,
			TaskTimeout:        5 * time.Minute,
			SessionTimeout:     10 * time.Second,
			TransactionTimeout: 10 * time.Second,
			ShutdownTimeout:    30 * time.Second,
			Memory:             256 << 20,
			FlushSize:          64 << 20,
			FlushInterval:      5 * time.Minute,
		},
		Load: Load{Partitions: 4},
		Dev:  Dev{Output: "auto"},
	}
}
