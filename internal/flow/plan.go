package flow

import (
	"regexp"
	"slices"
	"time"
)

// Plan is a plan as the runtime knows it. It is immutable, and safe for concurrent use.
type Plan struct {
	// Name is the topology's name.
	Name string
	// SubTopologies are the parts of the plan, by name.
	SubTopologies []*SubTopology
	// Globals are the global tables, by name.
	Globals []GlobalSpec
	// Repartitions are the repartition topics, by name.
	Repartitions []Repartition
	// Sinks are all output topics, repartition topics among them, once for each node that writes
	// them; a sink's Index is its place.
	Sinks []*Sink
	// CoPartitioned says which topics must have the same number of partitions.
	CoPartitioned []CoPartition
	// Clocks says that the operators go by Kafka Streams' rules of time. So do schedules then: the
	// time of a task is the largest timestamp that it has taken, and lies in its clock "".
	Clocks bool
	// Fingerprint is that of the plan's description.
	Fingerprint string
	// Contract is what instances that run the plan must agree in with others of their group.
	Contract Contract
	// Topics and Stores are the keys and values of topics and stores as texts, by name: of what the
	// application reads and writes, internal topics left out, and of the stores that have keys and
	// values of their own.
	Topics, Stores map[string]Texts
	// Found are those of the topics that patterns match, by the patterns' names.
	Found map[string]Texts
	// NewGraph returns new instances of the operators of a sub-topology of the plan for a task. It
	// may read and write the task's stores: what expired is deleted. It calls the suppliers of
	// processors, which schedule their punctuations.
	NewGraph func(sub *SubTopology, task Task) (*Graph, error)
}

// SubTopology returns the part of that name.
func (p *Plan) SubTopology(name string) (*SubTopology, bool) {
	i := slices.IndexFunc(p.SubTopologies, func(s *SubTopology) bool { return s.Name == name })
	if i < 0 {
		return nil, false
	}
	return p.SubTopologies[i], true
}

// SubTopology is a part of the plan between topics: what one task runs, once for each partition.
type SubTopology struct {
	// Name is stable: adding operators does not change it. Task directories go by it. It is the
	// smallest name of the repartition topics that are read, if any are, else that of the topics.
	Name    string
	Inputs  []Input
	Sinks   []*Sink
	Stores  []StoreSpec
	Globals []string
	// TimeStore is the store of Stores that belongs to the task itself (task time, announcements,
	// schedules); "" if it needs none.
	TimeStore string

	of *SubTopology // see Declared
}

// Input is a topic that a sub-topology reads.
type Input struct {
	// Topic is the topic's name; of a repartition topic without the application's prefix.
	Topic       string
	Repartition bool
	// Timeless inputs carry no time: the task never waits for them.
	Timeless bool
	// MaxFuture is how far ahead a record may lie, 0 for any distance.
	MaxFuture time.Duration
	// Pattern, if not nil, says that the input stands for all topics whose whole names it matches;
	// Topic is the pattern's name. A plan that runs has none of these: see [Plan.With].
	Pattern *regexp.Regexp
	// Of is the name of the pattern that the topic was found by, "" if it was named.
	Of string
}

// Repartition is an internal topic between two sub-topologies.
type Repartition struct {
	Name string // without the application's prefix and "-repartition"
	// Partitions is 0 for as many as the largest input of its writers has, or what it is
	// co-partitioned with; [Plan.Partitions] finds out.
	Partitions int32
	// Writers are the sub-topologies that write it, with the Delay by which each one's announced
	// time stays behind its task time: the sum of sizes and graces of the windows with final
	// results, and of the delays of InOrder, on the longest way to the topic.
	Writers []Writer
}

// Writer is one sub-topology that writes a repartition topic.
type Writer struct {
	SubTopology string
	Delay       time.Duration
}

// StoreKind says how a store's keys are laid out, and so how its changelog's are.
type StoreKind int

const (
	// KeyValueStore has the key's bytes as key.
	KeyValueStore StoreKind = iota
	// WindowStore has the window's start (8 bytes, big-endian, milliseconds) and the key's bytes as
	// key.
	WindowStore
	// InOrderStore has the record's timestamp (8 bytes, big-endian, milliseconds) and its place as
	// key: records held back by InOrder. To changelogs it is a window store whose windows are a
	// millisecond long.
	InOrderStore
	// SessionStore has the session's end and start (8 bytes each, big-endian, milliseconds) and the
	// key's bytes as key. It has its rows by key as well.
	SessionStore
	// SlidingStore has keys as WindowStore, and its rows by key as well: sliding windows, and the
	// window stores of processors.
	SlidingStore
	// HistoryStore has the versions of a table's rows that have ended. Its keys are bytes to
	// changelogs.
	HistoryStore
	// JoinStore has the start of a segment of time (8 bytes), the key's bytes, the record's
	// timestamp (8 bytes) and its number (4 bytes) as key: records of one side of a join of two
	// streams.
	JoinStore
	// WaitingStore has the time (8 bytes) that a record is closed behind, and which record it is,
	// as key: records of a join that have found nothing so far. To changelogs it is a window store.
	WaitingStore
	// SuppressStore has a time (8 bytes) by which rows come out and the key's bytes as key: the
	// updates that a table holds back. It has its rows by key as well. Rows are deleted one by one,
	// and no time says that they are not needed any more.
	SuppressStore
	// SuppressWindowStore is SuppressStore for windows, whose times follow from their keys: it has
	// no rows by key.
	SuppressWindowStore
)

// String returns the kind as descriptions name it.
func (k StoreKind) String() string {
	switch k {
	case WindowStore, SlidingStore:
		return "window"
	case InOrderStore:
		return "in-order buffer"
	case SessionStore:
		return "session"
	case HistoryStore:
		return "history"
	case JoinStore:
		return "join buffer"
	case WaitingStore:
		return "waiting list"
	case SuppressStore, SuppressWindowStore:
		return "suppress buffer"
	}
	return "key-value"
}

// Timed reports whether keys begin with a time.
func (k StoreKind) Timed() bool { return k != KeyValueStore && k != HistoryStore }

// Windowed reports whether keys begin with a time, and are not needed any more when that and the
// retention have passed.
func (k StoreKind) Windowed() bool { return k.Timed() && !k.suppress() }

func (k StoreKind) suppress() bool { return k == SuppressStore || k == SuppressWindowStore }

// Entries reports whether a row of a store is a key, of a window perhaps, and its value.
func (k StoreKind) Entries() bool {
	return k != InOrderStore && k != JoinStore && k != WaitingStore && !k.suppress()
}

// ByKey reports whether a store has, beside its rows in the order of time, which its changelog has
// too, one for each that leads from the key to it.
func (k StoreKind) ByKey() bool {
	return k == SessionStore || k == SlidingStore || k == SuppressStore
}

// StoreSpec is a store of a sub-topology.
type StoreSpec struct {
	Name string
	Kind StoreKind
	// Timestamped stores begin each value with the record's timestamp (8 bytes, big-endian); in the
	// changelog it is the timestamp of the message.
	Timestamped bool
	// Logged stores have a changelog.
	Logged bool
	// Retention of a windowed store: size and grace of its windows; of what is held back in order,
	// the delay and a millisecond. What delays its input is added: final results of windows,
	// InOrder. Of a history, how long it is.
	Retention time.Duration
	// Marked says of a windowed store that what has passed is what lies before the store's mark:
	// its operator has a clock of its own, and the task's time says nothing.
	Marked bool
	// Kept says of a windowed store that the end of a bounded run closes none of its rows.
	Kept bool
	// Segment is how much time a segment of a JoinStore has; 0 for other stores.
	Segment time.Duration
	// Shape is what the store's bytes mean.
	Shape Shape
}

// GlobalSpec is a topic that every process reads whole.
type GlobalSpec struct {
	Name, Topic string
	Key, Value  string
}

// CoPartition is a set of topics that must have the same number of partitions.
type CoPartition struct {
	// Topics are the names as in [Input]; repartition topics without prefix.
	Topics []string
	// Node demands it, declared at Pos.
	Node, Pos string
}
