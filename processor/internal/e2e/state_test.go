package e2e

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology"
)

// taskState is what the database of one task holds.
type taskState struct {
	dir       string
	sub       string
	partition int32
	seq       uint64
	positions map[string]checkpoint.TopicPosition
	stores    map[string]map[string]string
}

func (s taskState) task() string { return fmt.Sprintf("%s/%d", s.sub, s.partition) }

// taskDirs lists the databases in an instance's state directory.
func taskDirs(t *testing.T, stateDir string) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(stateDir, "tasks", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var some []string
	for _, d := range dirs {
		if _, err := strconv.Atoi(filepath.Base(d)); err == nil {
			some = append(some, d)
		}
	}
	return some
}

// dump reads the database of a task. Nobody may have it open.
func dump(t *testing.T, dir, app, cluster string) taskState {
	t.Helper()
	p, err := strconv.Atoi(filepath.Base(dir))
	if err != nil {
		t.Fatal(err)
	}
	s := taskState{dir: dir, sub: filepath.Base(filepath.Dir(dir)), partition: int32(p), positions: map[string]checkpoint.TopicPosition{}, stores: map[string]map[string]string{}}
	engine := openEngine(t)
	defer engine.Close()
	db, err := engine.Open(dir)
	if err != nil {
		t.Fatalf("open the state of %s: %v", s.task(), err)
	}
	defer db.Close()
	c, err := checkpoint.Open(db, checkpoint.Identity{Application: app, ClusterID: cluster, Task: s.task()})
	if err != nil {
		t.Fatalf("open the state of %s: %v", s.task(), err)
	}
	s.seq = c.Seq()
	for _, store := range c.Stores() {
		prefix, err := c.Prefix(store)
		if err != nil {
			t.Fatal(err)
		}
		if at, ok := c.Changelog(store); ok {
			s.positions[store] = at
		}
		s.stores[store] = scan(t, db, prefix)
	}
	return s
}

func scan(t *testing.T, db state.DB, prefix uint16) map[string]string {
	t.Helper()
	lo, hi := binary.BigEndian.AppendUint16(nil, prefix), binary.BigEndian.AppendUint16(nil, prefix+1)
	all := map[string]string{}
	err := db.Scan(lo, hi, func(k, v []byte) (bool, error) {
		all[string(k[2:])] = string(v)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// copyDir copies a directory, for a look into one that an instance will open again.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(filepath.Dir(from)), filepath.Base(from))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// changelogs are the committed messages of an application's changelogs, by topic, partition and
// offset.
type changelogs struct {
	messages map[string]map[int32][]output
	// starts are where the logs begin. Those of windows are purged below what an open window needs.
	starts map[string]map[int32]int64
}

// readChangelogs reads all changelogs of a plan, with a plain consumer.
func readChangelogs(t *testing.T, addr, app string, plan *topology.Plan) changelogs {
	t.Helper()
	all := changelogs{map[string]map[int32][]output{}, map[string]map[int32]int64{}}
	a := newAdmin(t, addr)
	var topics []string
	for _, sub := range plan.ForRuntime(flow.Key{}).SubTopologies {
		for _, s := range sub.Stores {
			if s.Logged {
				topic := changelogTopic(app, s.Name)
				topics = append(topics, topic)
				all.messages[topic], all.starts[topic] = map[int32][]output{}, a.starts(topic)
			}
		}
	}
	for _, o := range readAll(t, addr, topics...) {
		all.messages[o.Topic][o.Partition] = append(all.messages[o.Topic][o.Partition], o)
	}
	return all
}

func changelogTopic(app, store string) string { return app + "-" + store + "-changelog" }

// fold computes what a store must hold at an offset of its changelog, as docs/format/changelog.md
// has it and independently of the package that writes it.
func (c changelogs) fold(app string, s flow.StoreSpec, partition int32, offset int64) map[string]string {
	content := map[string]string{}
	for _, o := range c.messages[changelogTopic(app, s.Name)][partition] {
		if o.Offset >= offset {
			break
		}
		key := o.Key
		if s.Kind == flow.WindowStore {
			n := len(key) - 12
			key = key[n:n+8] + key[:n]
		}
		if o.Null {
			delete(content, key)
			continue
		}
		value := o.Value
		if s.Timestamped {
			value = string(binary.BigEndian.AppendUint64(nil, uint64(o.Timestamp))) + value
		}
		content[key] = value
	}
	return content
}

// stateFitsChangelogs compares each store of a database with its changelog, folded up to the
// position that the database says it is at. Windows that are closed are gone from the database and
// not from the changelog: only those that start at openFrom (milliseconds) or later must be there;
// what is there must be right in any case.
func stateFitsChangelogs(t *testing.T, s taskState, app string, plan *topology.Plan, logs changelogs, openFrom int64, former bool) {
	t.Helper()
	for _, sub := range plan.ForRuntime(flow.Key{}).SubTopologies {
		if sub.Name != s.sub {
			continue
		}
		for _, spec := range sub.Stores {
			if !spec.Logged {
				continue
			}
			want := logs.fold(app, spec, s.partition, s.positions[spec.Name].Offset)
			got := s.stores[spec.Name]
			var wrong []string
			purged := former && spec.Kind == flow.WindowStore && logs.starts[changelogTopic(app, spec.Name)][s.partition] > 0
			for k, v := range got {
				w, ok := want[k]
				if !ok && purged {
					continue
				}
				if !ok || w != v {
					wrong = append(wrong, fmt.Sprintf("%q: state has %q, changelog %q (%v)", k, v, w, ok))
				}
			}
			for k, v := range want {
				if spec.Kind == flow.WindowStore && int64(binary.BigEndian.Uint64([]byte(k))) < openFrom {
					continue
				}
				if _, ok := got[k]; !ok {
					wrong = append(wrong, fmt.Sprintf("%q: not in the state, changelog %q", k, v))
				}
			}
			if len(wrong) > 0 {
				sort.Strings(wrong)
				t.Errorf("%s store %s at changelog offset %d: %d keys differ from the folded changelog (%s)\n  %s", s.task(), spec.Name,
					s.positions[spec.Name].Offset, len(wrong), s.dir, strings.Join(wrong[:min(5, len(wrong))], "\n  "))
			}
		}
	}
}

// allStateFits checks every database of the instances' directories, those of former owners too, and
// that each task's newest one stands at the end of its changelogs. No instance may run.
func allStateFits(t *testing.T, addr, app, cluster string, plan *topology.Plan, openFrom int64, stateDirs ...string) {
	t.Helper()
	logs := readChangelogs(t, addr, app, plan)
	newest := map[string]taskState{}
	for _, dir := range stateDirs {
		for _, d := range taskDirs(t, dir) {
			s := dump(t, d, app, cluster)
			if best, ok := newest[s.task()]; !ok || s.total() > best.total() {
				newest[s.task()] = s
			}
			stateFitsChangelogs(t, s, app, plan, logs, 1<<62, true)
		}
	}
	for _, sub := range plan.ForRuntime(flow.Key{}).SubTopologies {
		for _, spec := range sub.Stores {
			if !spec.Logged {
				continue
			}
			for p, messages := range logs.messages[changelogTopic(app, spec.Name)] {
				s, ok := newest[fmt.Sprintf("%s/%d", sub.Name, p)]
				if !ok {
					t.Errorf("%s/%d has a changelog and no state anywhere", sub.Name, p)
					continue
				}
				if len(messages) == 0 {
					continue
				}
				if last := messages[len(messages)-1].Offset; s.positions[spec.Name].Offset <= last {
					t.Errorf("%s: store %s is at %d of its changelog, which has a message at %d", s.task(), spec.Name, s.positions[spec.Name].Offset, last)
				}
			}
		}
	}
	for _, s := range newest {
		stateFitsChangelogs(t, s, app, plan, logs, openFrom, false)
	}
}

// total is the sum of the changelog positions.
func (s taskState) total() (n int64) {
	for _, p := range s.positions {
		n += p.Offset
	}
	return n
}
