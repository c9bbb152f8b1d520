package restore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/processor/report"
)

// world is a broker with a key-value changelog, a window changelog and a global table's topic, and
// an opener.
type world struct {
	*testing.T
	broker *kfake.Cluster
	cl     *kgo.Client
	adm    *kadm.Client
	ids    map[string][16]byte
	pool   *Pool
	engine *engine
	opener *Opener
	sub    *flow.SubTopology
	told   []report.Restoration
	keep   time.Duration
}

const (
	kvLog, windowLog, table = "app-kv-changelog", "app-win-changelog", "table"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, kvLog, windowLog), kfake.SeedTopics(3, table))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0), kgo.MetadataMinAge(10*time.Millisecond), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	w := &world{T: t, broker: broker, cl: cl, adm: kadm.NewClient(cl), ids: map[string][16]byte{}}
	w.lookUp()
	restorer, err := changelog.NewRestorer(changelog.Config{Client: []kgo.Opt{kgo.SeedBrokers(broker.ListenAddrs()...)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(restorer.Close)
	w.pool, w.engine = newPool(t)
	w.opener = &Opener{
		Pool: w.pool, Restorer: restorer, App: "app", Stateful: map[string]bool{"sub": true}, TopicID: func(t string) [16]byte { return w.ids[t] }, Now: time.Now,
		DeleteRetention: func(string) time.Duration { return w.keep }, Report: func(r report.Restoration) {
			if r.Done {
				w.told = append(w.told, r)
			}
		},
	}
	w.sub = &flow.SubTopology{Name: "sub", Stores: []flow.StoreSpec{{Name: "kv", Kind: flow.KeyValueStore, Logged: true}, {Name: "scratch", Kind: flow.KeyValueStore}}}
	t.Cleanup(func() { _ = w.pool.Close() })
	return w
}

func (w *world) lookUp() {
	w.Helper()
	md, err := w.adm.Metadata(w.Context(), kvLog, windowLog, table)
	if err != nil {
		w.Fatal(err)
	}
	for name, d := range md.Topics {
		w.ids[name] = d.ID
	}
}

func (w *world) produce(topic string, partition int32, key, value []byte) {
	w.Helper()
	if err := w.cl.ProduceSync(w.Context(), &kgo.Record{Topic: topic, Partition: partition, Key: key, Value: value}).FirstErr(); err != nil {
		w.Fatal(err)
	}
}

func (w *world) recreate(topic string, partitions int32) {
	w.Helper()
	if _, err := w.adm.DeleteTopics(w.Context(), topic); err != nil {
		w.Fatal(err)
	}
	if _, err := w.adm.CreateTopics(w.Context(), partitions, 1, nil, topic); err != nil {
		w.Fatal(err)
	}
	w.cl.PurgeTopicsFromClient(topic)
	w.lookUp()
}

// commits is what the group has committed, with these ends of changelogs.
func (w *world) commits(ends ...checkpoint.ChangelogEnd) []Committed {
	return []Committed{{Topic: "in", Offset: 10, Start: 10, Metadata: checkpoint.Metadata{TransactionalID: "t", Changelogs: ends}}}
}

func (w *world) open(c []Committed) (*Handle, error) {
	w.told = nil
	ctx, cancel := context.WithTimeout(w.Context(), 10*time.Second)
	defer cancel()
	return w.opener.Open(ctx, w.sub, 0, c, nil)
}

func (w *world) mustOpen(c []Committed) *Handle {
	w.Helper()
	h, err := w.open(c)
	if err != nil {
		w.Fatal(err)
	}
	return h
}

// get reads a key of a store as a task does.
func (w *world) get(h *Handle, store, key string) string {
	w.Helper()
	prefix, err := h.Checkpoint.Prefix(store)
	if err != nil {
		w.Fatal(err)
	}
	v, ok, err := h.DB.Get(nil, append([]byte{byte(prefix >> 8), byte(prefix)}, key...))
	if err != nil {
		w.Fatal(err)
	}
	if !ok {
		return "-"
	}
	return string(v)
}

// TestOpenResumes reads what the database does not have, and no more.
func TestOpenResumes(t *testing.T) {
	w := newWorld(t)
	for i := range 10 {
		w.produce(kvLog, 0, []byte("k"), fmt.Append(nil, i))
	}
	h := w.mustOpen(w.commits(checkpoint.ChangelogEnd{Store: "kv", TopicID: w.ids[kvLog], Offset: 10}))
	if got := w.get(h, "kv", "k"); got != "9" || len(w.told) != 1 || w.told[0].Records != 10 {
		t.Errorf("k is %s after %+v", got, w.told)
	}
	w.pool.Release(h)
	w.produce(kvLog, 0, []byte("k"), nil)
	w.produce(kvLog, 0, []byte("l"), []byte("new"))
	h = w.mustOpen(w.commits())
	if w.get(h, "kv", "k") != "-" || w.get(h, "kv", "l") != "new" || w.told[0].Records != 2 || w.told[0].From != 10 {
		t.Errorf("k is %s, l %s after %+v", w.get(h, "kv", "k"), w.get(h, "kv", "l"), w.told)
	}
	w.pool.Release(h)
	if h = w.mustOpen(w.commits()); w.told[0].Records != 0 {
		t.Errorf("read again: %+v", w.told)
	}
	w.pool.Release(h)
}

// TestOpenWithoutOffsets: state whose input would be processed again is refused, unless that is the
// guarantee.
func TestOpenWithoutOffsets(t *testing.T) {
	w := newWorld(t)
	none := []Committed{{Topic: "in", Offset: -1}}
	w.pool.Release(w.mustOpen(none)) // nothing is there: a new application
	w.produce(kvLog, 0, []byte("k"), []byte("v"))
	var refused *report.StateWithoutOffsetsError
	if _, err := w.open(none); !errors.As(err, &refused) || refused.Task != "sub/0" {
		t.Errorf("error %v", err)
	}
	w.opener.AtLeastOnce = true
	h := w.mustOpen(none)
	// A commit makes offsets, so now they must have been there.
	b := h.DB.NewBatch()
	if err := errors.Join(h.Checkpoint.Write(b, checkpoint.Update{Seq: 1, At: time.Now()}), b.Commit(), b.Close()); err != nil {
		t.Fatal(err)
	}
	h.Checkpoint.Applied()
	w.pool.Release(h)
	if _, err := w.open(none); !errors.As(err, &refused) {
		t.Errorf("error %v", err)
	}
	// A topic that a pattern has found is a new one if the state has not seen it.
	h = w.mustOpen(w.commits())
	b = h.DB.NewBatch()
	if err := errors.Join(h.Checkpoint.Write(b, checkpoint.Update{Seq: 2, At: time.Now(), Inputs: map[string]int64{"before": 7}}), b.Commit(), b.Close()); err != nil {
		t.Fatal(err)
	}
	h.Checkpoint.Applied()
	w.pool.Release(h)
	w.sub.Inputs = []flow.Input{{Topic: "in", Of: "pattern"}, {Topic: "before", Of: "pattern"}}
	w.pool.Release(w.mustOpen(none))
	if _, err := w.open([]Committed{{Topic: "before", Offset: -1}}); !errors.As(err, &refused) {
		t.Errorf("a topic that the state has seen: %v", err)
	}
	w.produce(kvLog, 0, []byte("k"), []byte("w"))
	if _, err := w.open(none); !errors.As(err, &refused) {
		t.Errorf("a topic that the state may have seen: %v", err)
	}
	// How far time has got is no state.
	w.opener.AtLeastOnce, w.opener.Stateful = false, nil
	w.pool.Release(w.mustOpen(none))
}

// TestOpenStale: state older than the log keeps deletions is rebuilt, so that a deleted key does
// not rise again. Its age counts from when it was known to be whole.
func TestOpenStale(t *testing.T) {
	for _, opened := range [][]struct {
		age  time.Duration
		want string
	}{{{11 * time.Hour, "v"}}, {{13 * time.Hour, "-"}}, {{11 * time.Hour, "v"}, {22 * time.Hour, "v"}, {35 * time.Hour, "-"}}} {
		w := newWorld(t)
		w.produce(kvLog, 0, []byte("deleted"), []byte("v"))
		w.pool.Release(w.mustOpen(w.commits()))
		// Its deletion came and was compacted away.
		w.empty()
		w.keep = 24 * time.Hour
		for _, o := range opened {
			w.opener.Now = func() time.Time { return time.Now().Add(o.age) }
			h := w.mustOpen(w.commits())
			if got := w.get(h, "kv", "deleted"); got != o.want {
				t.Errorf("after %v of %v: %s", o.age, opened, got)
			}
			w.pool.Release(h)
		}
	}
}

// TestOpenStaleInterrupted: restores that end in the middle do not make state younger: what they
// have read may have been deleted by what they have not.
func TestOpenStaleInterrupted(t *testing.T) {
	w := newWorld(t)
	w.opener.Restorer = compactingRestorer(t, w)
	w.produce(kvLog, 0, []byte("deleted"), []byte("v"))
	for i := range 40 { // batches are not smaller than leastFill
		w.produce(kvLog, 0, fmt.Append(nil, i), make([]byte, leastFill/10))
	}
	w.produce(kvLog, 0, []byte("deleted"), nil)
	w.keep = 24 * time.Hour
	w.pool.filling.Add(fillBytes / leastFill)
	w.pool.points = func(n failpoint.Name) error {
		if n == failpoint.InRestore {
			return errors.New("interrupted")
		}
		return nil
	}
	for _, age := range []time.Duration{0, 6 * time.Hour, 11 * time.Hour} {
		w.opener.Now = func() time.Time { return time.Now().Add(age) }
		if _, err := w.open(w.commits()); err == nil || errors.Is(err, changelog.ErrOutOfRange) {
			t.Fatalf("after %v: error %v", age, err)
		}
	}
	w.pool.points = nil
	h := acquire(t, w.pool)
	if got := w.get(h, "kv", "deleted"); got != "v" {
		t.Fatalf("the restores have read %q: they were to be interrupted later", got)
	}
	w.pool.Release(h)
	w.empty()
	w.opener.Now = func() time.Time { return time.Now().Add(13 * time.Hour) }
	h = w.mustOpen(w.commits())
	if got := w.get(h, "kv", "deleted"); got != "-" {
		t.Errorf("a deleted key is %s", got)
	}
	w.pool.Release(h)
}

// empty removes everything from the changelog, as compaction does with keys that were deleted long
// ago.
func (w *world) empty() {
	w.Helper()
	ends, err := w.adm.ListEndOffsets(w.Context(), kvLog)
	if err != nil {
		w.Fatal(err)
	}
	end, _ := ends.Lookup(kvLog, 0)
	if _, err := w.adm.DeleteRecords(w.Context(), kadm.Offsets{kvLog: {0: kadm.Offset{Topic: kvLog, At: end.Offset}}}); err != nil {
		w.Fatal(err)
	}
	w.opener.Restorer = compactingRestorer(w.T, w)
}

// compactingRestorer takes a log's start that has moved for compaction.
func compactingRestorer(t *testing.T, w *world) *changelog.Restorer {
	t.Helper()
	r, err := changelog.NewRestorer(changelog.Config{Client: []kgo.Opt{kgo.SeedBrokers(w.broker.ListenAddrs()...)}, FetchBytes: 64 << 10, CompactionMovesStart: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// TestOpenRecreated: a changelog that is not the one written to, or shorter, is an error and not an
// empty state.
func TestOpenRecreated(t *testing.T) {
	w := newWorld(t)
	w.produce(kvLog, 0, []byte("k"), []byte("v"))
	old := w.ids[kvLog]
	if _, err := w.open(w.commits(checkpoint.ChangelogEnd{Store: "kv", TopicID: old, Offset: 5})); !errors.Is(err, changelog.ErrTruncated) {
		t.Errorf("a log shorter than its committed end: %v", err)
	}
	w.pool.Release(w.mustOpen(w.commits()))
	w.recreate(kvLog, 1)
	for name, c := range map[string][]Committed{"committed": w.commits(checkpoint.ChangelogEnd{Store: "kv", TopicID: old, Offset: 1}), "local": w.commits()} {
		if _, err := w.open(c); !errors.Is(err, changelog.ErrRecreated) {
			t.Errorf("%s state of another topic: %v", name, err)
		}
	}
}

// TestOpenPurged: what is gone from a window changelog was of closed windows, so the rest of the
// store is kept.
func TestOpenPurged(t *testing.T) {
	w := newWorld(t)
	w.sub.Stores = []flow.StoreSpec{{Name: "win", Kind: flow.WindowStore, Logged: true}}
	key := func(start int64, k string) []byte {
		return append(binary.BigEndian.AppendUint64([]byte(k), uint64(start)), 0, 0, 0, 0)
	}
	stored := func(start int64, k string) string {
		return string(binary.BigEndian.AppendUint64(nil, uint64(start))) + k
	}
	w.produce(windowLog, 0, key(1000, "a"), []byte("1"))
	w.pool.Release(w.mustOpen(w.commits()))
	w.produce(windowLog, 0, key(1000, "b"), []byte("2"))
	w.produce(windowLog, 0, key(2000, "a"), []byte("3"))
	if _, err := w.adm.DeleteRecords(w.Context(), kadm.Offsets{windowLog: {0: kadm.Offset{Topic: windowLog, At: 2}}}); err != nil {
		t.Fatal(err)
	}
	h := w.mustOpen(w.commits())
	for k, want := range map[string]string{stored(1000, "a"): "1", stored(1000, "b"): "-", stored(2000, "a"): "3"} {
		if got := w.get(h, "win", k); got != want {
			t.Errorf("%q is %s, want %s", k, got, want)
		}
	}
	w.pool.Release(h)
}

// follow opens the global table and follows it until it is loaded.
func (w *world) follow(keep time.Duration) (g *Global, end func()) {
	w.Helper()
	g, err := OpenGlobal(w.pool.dir, w.engine, "app", flow.GlobalSpec{Name: "g", Topic: table}, w.ids[table], keep, slog.New(slog.NewTextHandler(w.Output(), nil)))
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.Context())
	loaded, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- g.Follow(ctx, w.opener.Restorer, w.ids[table], 3, func() { close(loaded) }) }()
	select {
	case <-loaded:
	case err := <-ended:
		w.Fatal(err)
	}
	return g, func() {
		cancel()
		if err := errors.Join(<-ended, g.Close()); err != nil {
			w.Error(err)
		}
	}
}

func (w *world) content(g *Global) string {
	w.Helper()
	s := ""
	if err := g.Scan(nil, nil, func(k, v []byte) (bool, error) { s += fmt.Sprintf("%s=%s ", k, v); return true, nil }); err != nil {
		w.Fatal(err)
	}
	return s
}

// TestGlobal loads a table, follows it, goes on from its copy, and begins anew where the copy
// cannot be continued.
func TestGlobal(t *testing.T) {
	w := newWorld(t)
	w.produce(table, 1, []byte("a"), []byte("1"))
	w.produce(table, 2, []byte("b"), []byte("2"))
	w.produce(table, 2, []byte("c"), []byte("3"))
	w.produce(table, 2, []byte("c"), nil)
	g, end := w.follow(time.Hour)
	if got := w.content(g); got != "a=1 b=2 " {
		t.Errorf("loaded %q", got)
	}
	if v, ok, err := g.Get(nil, []byte("b")); string(v) != "2" || !ok || err != nil {
		t.Errorf("get: %q %v %v", v, ok, err)
	}
	version := g.Version()
	w.produce(table, 0, []byte("d"), []byte("4"))
	for ctx, i := t.Context(), 0; g.Version() == version && ctx.Err() == nil && i < 1000; i++ {
		time.Sleep(time.Millisecond) // nobody is told of a version
	}
	if got := w.content(g); got != "a=1 b=2 d=4 " {
		t.Errorf("followed %q", got)
	}
	end()
	// Again: it goes on where it was.
	w.produce(table, 2, []byte("b"), nil)
	g, end = w.follow(time.Hour)
	if got := w.content(g); got != "a=1 d=4 " {
		t.Errorf("continued %q", got)
	}
	end()
	// Another topic of that name, with nothing in partition 0.
	w.recreate(table, 3)
	w.produce(table, 1, []byte("x"), []byte("9"))
	g, end = w.follow(time.Hour)
	if got := w.content(g); got != "x=9 " {
		t.Errorf("of another topic %q", got)
	}
	end()
	// So old that deletions may be gone, and they are: the log is empty, as after a compaction.
	if _, err := w.adm.DeleteRecords(t.Context(), kadm.Offsets{table: {1: kadm.Offset{Topic: table, Partition: 1, At: 1}}}); err != nil {
		t.Fatal(err)
	}
	g, end = w.follow(time.Nanosecond)
	if got := w.content(g); got != "" {
		t.Errorf("old %q", got)
	}
	end()
}

// TestGlobalMissed: records that were deleted before they were read make the next start begin anew.
func TestGlobalMissed(t *testing.T) {
	w := newWorld(t)
	w.produce(table, 1, []byte("a"), []byte("1"))
	_, end := w.follow(0)
	end()
	w.produce(table, 1, []byte("a"), nil)
	w.produce(table, 1, []byte("b"), []byte("2"))
	if _, err := w.adm.DeleteRecords(t.Context(), kadm.Offsets{table: {1: kadm.Offset{Topic: table, Partition: 1, At: 2}}}); err != nil {
		t.Fatal(err)
	}
	g, end := w.follow(0)
	if got := w.content(g); got != "a=1 b=2 " {
		t.Errorf("at first %q", got)
	}
	end()
	g, end = w.follow(0)
	if got := w.content(g); got != "b=2 " {
		t.Errorf("at the next start %q", got)
	}
	end()
}
