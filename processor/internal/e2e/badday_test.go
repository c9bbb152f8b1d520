package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/processor"
)

func contains(text string, words ...string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// word is one message of the job "words".
func word(key, value string) message {
	return message{Key: []byte(key), Value: []byte(value), Timestamp: 1, Partition: -1}
}

func only(messages ...message) func(func(message) bool) {
	return func(yield func(message) bool) {
		for _, m := range messages {
			if !yield(m) {
				return
			}
		}
	}
}

func TestMissingTopic(t *testing.T) {
	b := startBroker(t)
	j := job{"words", names(t, "app")}
	err := startApp(t, b, j, nil, nil).failsWith(t, 30*time.Second, j.in())
	var missing *processor.MissingTopicsError
	if !errors.As(err, &missing) {
		t.Errorf("error %v is no MissingTopicsError", err)
	}
	a := newAdmin(t, b.Addr())
	ctx, cancel := a.context()
	defer cancel()
	topics, err := a.ListTopics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for name := range topics {
		if strings.HasPrefix(name, j.Prefix) {
			t.Errorf("topic %s was created all the same", name)
		}
	}
}

func TestNotCopartitioned(t *testing.T) {
	b := startBroker(t)
	j := job{"joined", names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.in(), 3, nil)
	a.create(j.Prefix+"-table", 2, nil)
	a.create(j.out(), 1, nil)
	startApp(t, b, j, nil, nil).failsWith(t, 30*time.Second, j.in(), j.Prefix+"-table", "3", "2")
}

// wordsRun is the job "words" with some state: two words counted, in a directory.
func wordsRun(t *testing.T, b Broker, partitions int32) (j job, a *admin, dir string) {
	t.Helper()
	j, a, dir = job{"words", names(t, "app")}, newAdmin(t, b.Addr()), filepath.Join(t.TempDir(), "state")
	a.create(j.in(), partitions, nil)
	a.create(j.out(), 1, nil)
	a.produce(j.in(), only(word("a", ""), word("b", ""), word("a", ""), word("c", ""), word("d", "")))
	x := startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.StateDir = dir })
	wordsAre(t, b, j, x, "a=1", "a=2", "b=1", "c=1", "d=1")
	x.stop(t)
	return j, a, dir
}

// wordsAre waits for the results of the job "words" and compares.
func wordsAre(t *testing.T, b Broker, j job, x *app, want ...string) {
	t.Helper()
	rows := make([]row, len(want))
	for i, w := range want {
		k, v, _ := strings.Cut(w, "=")
		rows[i] = row{k, v, 1}
	}
	var got []output
	eventually(t, 30*time.Second, "words", func() (bool, string) {
		x.running(t)
		got = readAll(t, b.Addr(), j.out())
		return len(got) >= len(want), fmt.Sprint(len(got))
	})
	sameRows(t, j.out(), got, rows)
}

func TestPartitionsGrownUnderState(t *testing.T) {
	b := startBroker(t)
	j, a, dir := wordsRun(t, b, 2)
	ctx, cancel := a.context()
	defer cancel()
	if _, err := a.UpdatePartitions(ctx, 3, j.in()); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "three partitions", func() (bool, string) {
		d, err := a.ListTopics(ctx, j.in())
		return err == nil && len(d[j.in()].Partitions) == 3, fmt.Sprint(err)
	})
	for _, dir := range []string{dir, filepath.Join(t.TempDir(), "fresh")} {
		startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.StateDir = dir }).failsWith(t, 30*time.Second, changelogTopic(j.Prefix, "words"), "2", "3")
	}
}

func TestForeignStateDirectory(t *testing.T) {
	b := startBroker(t)
	j, _, dir := wordsRun(t, b, 1)
	other, _, _ := wordsRun(t, b, 1)
	err := startApp(t, b, other, nil, func(cfg *processor.Config) { cfg.StateDir = dir }).failsWith(t, 30*time.Second, dir, j.Prefix, other.Prefix)
	var foreign *processor.ForeignStateError
	if !errors.As(err, &foreign) {
		t.Errorf("error %v is no ForeignStateError", err)
	}
}

func TestStateDirectoryInUse(t *testing.T) {
	b := startBroker(t)
	f := newFleet(t, b, job{"counts", names(t, "app")}, 1)
	f.topics(1)
	f.instances[0].start(t)
	f.instances[0].child.await(t, 30*time.Second, "running", isRunning)
	dir := f.instances[0].config.StateDir
	err := startApp(t, b, f.job, nil, func(cfg *processor.Config) { cfg.StateDir = dir }).failsWith(t, 30*time.Second, dir)
	if !errors.Is(err, processor.ErrInUse) {
		t.Errorf("error %v is not ErrInUse", err)
	}
	f.stop(t)
}

// TestStateDirectoryCorrupted breaks files of databases in many ways: it is noticed, and the state
// comes back from the changelog.
func TestStateDirectoryCorrupted(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(path string) error // each file of the database that is not empty
	}{
		{"flipped", func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for i := range b {
				if i%64 == 13 {
					b[i] ^= 0xff
				}
			}
			return os.WriteFile(path, b, 0o644)
		}},
		{"truncated", func(path string) error {
			s, err := os.Stat(path)
			if err != nil {
				return err
			}
			return os.Truncate(path, s.Size()/2)
		}},
		{"no-tables", func(path string) error {
			if filepath.Ext(path) == ".sst" {
				return os.Remove(path)
			}
			return nil
		}},
		{"no-manifest", func(path string) error {
			if strings.HasPrefix(filepath.Base(path), "MANIFEST") {
				return os.Remove(path)
			}
			return nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := startBroker(t)
			j, a, dir := wordsRun(t, b, 1)
			damaged := 0
			for _, d := range taskDirs(t, dir) {
				err := filepath.WalkDir(d, func(path string, e fs.DirEntry, err error) error {
					if err != nil || e.IsDir() {
						return err
					}
					if s, err := e.Info(); err != nil || s.Size() == 0 {
						return err
					}
					damaged++
					return c.damage(path)
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if damaged == 0 {
				t.Fatal("there was nothing to damage")
			}
			a.produce(j.in(), only(word("a", ""), word("d", "")))
			x := startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.StateDir = dir })
			wordsAre(t, b, j, x, "a=1", "a=2", "b=1", "c=1", "d=1", "a=3", "d=2")
			if counters(x.App)["restored"] == 0 {
				t.Error("nothing was restored")
			}
			x.stop(t)
		})
	}
}

// deleteTopic deletes a topic and waits until it is gone.
func (a *admin) deleteTopic(topic string) {
	a.t.Helper()
	ctx, cancel := a.context()
	defer cancel()
	if _, err := a.DeleteTopic(ctx, topic); err != nil {
		a.t.Fatal(err)
	}
	eventually(a.t, 30*time.Second, "the end of "+topic, func() (bool, string) {
		d, err := a.ListTopics(ctx, topic)
		return err == nil && !d.Has(topic), fmt.Sprint(err)
	})
}

// TestChangelogDeleted: a changelog that is not the one that was committed to is no empty state,
// with or without the local one.
func TestChangelogDeleted(t *testing.T) {
	b := startBroker(t)
	for _, again := range []bool{false, true} {
		for _, local := range []bool{true, false} {
			t.Run(fmt.Sprintf("recreated-%t-local-%t", again, local), func(t *testing.T) {
				j, a, dir := wordsRun(t, b, 1)
				topic := changelogTopic(j.Prefix, "words")
				a.deleteTopic(topic)
				if again {
					a.create(topic, 1, map[string]string{"cleanup.policy": "compact"})
				}
				if !local {
					dir = filepath.Join(t.TempDir(), "fresh")
				}
				err := startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.StateDir = dir }).failsWith(t, 30*time.Second, topic)
				if !errors.Is(err, processor.ErrChangelogRecreated) {
					t.Errorf("error %v is not ErrChangelogRecreated", err)
				}
			})
		}
	}
}

// TestChangelogTruncated: a changelog that ends before what was committed to it has lost data.
func TestChangelogTruncated(t *testing.T) {
	b := startBroker(t)
	j, _, _ := wordsRun(t, b, 1)
	topic := changelogTopic(j.Prefix, "words")
	var w wire
	w.add(wireRule{key: kmsg.ListOffsets, reply: func(_ kmsg.Request, r kmsg.Response) verdict {
		for i, t := range r.(*kmsg.ListOffsetsResponse).Topics {
			if t.Topic == topic {
				for p := range t.Partitions {
					r.(*kmsg.ListOffsetsResponse).Topics[i].Partitions[p].Offset = 2
				}
			}
		}
		return pass
	}})
	err := startApp(t, b, j, nil, through(&w)).failsWith(t, 30*time.Second, topic)
	if !errors.Is(err, processor.ErrChangelogTruncated) && !errors.Is(err, processor.ErrChangelogOutOfRange) {
		t.Errorf("error %v says nothing of a truncated changelog", err)
	}
}

// TestChangelogRecordsDeleted: the log begins after what a new directory needs, and what is missing
// is no compaction.
func TestChangelogRecordsDeleted(t *testing.T) {
	b := startBroker(t)
	j, a, dir := wordsRun(t, b, 1)
	topic := changelogTopic(j.Prefix, "words")
	ctx, cancel := a.context()
	defer cancel()
	end := a.ends(topic, false)[0] - 1 // all but the last transaction's marker
	// DeleteRecords is refused for a topic that is only compacted, on Apache Kafka.
	policy := func(v string) {
		if _, err := a.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "cleanup.policy", Value: &v}}, topic); err != nil {
			t.Fatal(err)
		}
	}
	policy("delete")
	if _, err := a.DeleteRecords(ctx, kadm.Offsets{topic: {0: {Topic: topic, At: end}}}); err != nil {
		t.Fatal(err)
	}
	policy("compact")
	eventually(t, 30*time.Second, "an empty changelog", func() (bool, string) {
		return a.starts(topic)[0] == end, fmt.Sprint(a.starts(topic), end)
	})
	err := startApp(t, b, j, nil, nil).failsWith(t, 30*time.Second, topic)
	if !errors.Is(err, processor.ErrChangelogOutOfRange) && !errors.Is(err, processor.ErrChangelogTruncated) {
		t.Errorf("error %v says nothing of missing records", err)
	}
	// The directory that has everything goes on.
	a.produce(j.in(), only(word("a", "")))
	x := startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.StateDir = dir })
	wordsAre(t, b, j, x, "a=1", "a=2", "b=1", "c=1", "d=1", "a=3")
	x.stop(t)
}

// TestOffsetsLost: a group without offsets for an application that has state would count everything
// twice.
func TestOffsetsLost(t *testing.T) {
	b := startBroker(t)
	j, a, dir := wordsRun(t, b, 1)
	ctx, cancel := a.context()
	defer cancel()
	eventually(t, 30*time.Second, "the group's end", func() (bool, string) {
		r, err := a.DeleteGroups(ctx, j.Prefix)
		return err == nil && r[j.Prefix].Err == nil, fmt.Sprint(err, r[j.Prefix].Err)
	})
	for _, dir := range []string{dir, filepath.Join(t.TempDir(), "fresh")} {
		startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.StateDir = dir }).failsWith(t, 30*time.Second, "offsets", j.Prefix)
	}
}

// TestInputTruncated: input that was never processed is gone; going on after it would be silent
// loss.
func TestInputTruncated(t *testing.T) {
	b := startBroker(t)
	j, a, dir := wordsRun(t, b, 1)
	a.produce(j.in(), only(word("e", ""), word("f", ""), word("g", "")))
	ctx, cancel := a.context()
	defer cancel()
	end := a.ends(j.in(), false)[0]
	if _, err := a.DeleteRecords(ctx, kadm.Offsets{j.in(): {0: {Topic: j.in(), At: end - 1}}}); err != nil {
		t.Fatal(err)
	}
	startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.StateDir = dir }).failsWith(t, 30*time.Second, j.in())
}

// TestPoison: a record that cannot be decoded ends the application by name, or is skipped and
// counted.
func TestPoison(t *testing.T) {
	b := startBroker(t)
	job := newCounting(t, b, 100)
	offset := job.admin.ends(job.job.flights(), true)[1]
	job.admin.produce(job.job.flights(), only(message{Key: []byte("SEA"), Value: []byte("no json"), Partition: 1}))
	more := some(job, 50)
	a := startApp(t, b, job.job, nil, nil)
	err := a.failsWith(t, 30*time.Second, job.job.flights()+"/1", fmt.Sprintf("offset %d", offset))
	var re *processor.RecordError
	if !errors.As(err, &re) || re.Offset != offset || re.Partition != 1 {
		t.Errorf("error %v does not name the record", err)
	}
	job.n += more
	a = startApp(t, b, job.job, nil, func(cfg *processor.Config) { cfg.OnError = processor.Skip })
	job.await(job.n, a)
	// Results are visible a moment before the commit that made them is counted.
	eventually(t, 10*time.Second, "one record skipped", func() (bool, string) {
		skipped := int64(0)
		for _, d := range a.Stats().Dropped {
			if d.Reason == "error" {
				skipped += d.Count
			}
		}
		return skipped == 1, fmt.Sprint(a.Stats().Dropped)
	})
	job.check(a)
}
