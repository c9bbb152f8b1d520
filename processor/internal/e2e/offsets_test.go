package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/kolkstream/kolk/processor"
)

// offsets returns what the group has committed, metadata included.
func (a *admin) offsets(group string) kadm.Offsets {
	a.t.Helper()
	ctx, cancel := a.context()
	defer cancel()
	o, err := a.FetchOffsets(ctx, group)
	if err != nil {
		a.t.Fatalf("offsets of %s: %v", group, err)
	}
	return o.Offsets()
}

// setOffsets commits as a tool does, as soon as the group has no members any more.
func (a *admin) setOffsets(group string, offsets kadm.Offsets) {
	a.t.Helper()
	ctx, cancel := a.context()
	defer cancel()
	eventually(a.t, 30*time.Second, "commit by a tool", func() (bool, string) {
		err := a.CommitAllOffsets(ctx, group, offsets)
		return err == nil, fmt.Sprint(err)
	})
}

// tooled is what a tool commits for the first partition of a topic.
func tooled(topic string, at int64) kadm.Offsets {
	var o kadm.Offsets
	o.Add(kadm.Offset{Topic: topic, Partition: 0, At: at, LeaderEpoch: -1})
	return o
}

// TestOffsetsPutBack puts offsets back under an application with state: it refuses to count input
// twice, again and again, and goes on when they are back in their place.
func TestOffsetsPutBack(t *testing.T) {
	t.Parallel()
	c := newCounting(t, startBroker(t), 1_000)
	dir := t.TempDir()
	start := func(dir string, guarantee processor.Guarantee) *app {
		return startApp(t, c.b, c.job, nil, func(cfg *processor.Config) {
			cfg.StateDir, cfg.SessionTimeout, cfg.Guarantee = dir, 1500*time.Millisecond, guarantee
		})
	}
	a := start(dir, processor.ExactlyOnce)
	c.await(c.n, a)
	a.stop(t)
	early := c.admin.offsets(c.job.Prefix)
	c.n += some(c, 1_000)
	a = start(dir, processor.ExactlyOnce)
	c.await(c.n, a)
	a.stop(t)
	offsets := c.admin.offsets(c.job.Prefix)

	for _, step := range []struct {
		name    string
		offsets kadm.Offsets
		dir     string
		want    string // with the topic, both offsets
	}{
		{"by a tool", tooled(c.job.flights(), 10), dir, "input"},
		{"by a tool, without the directory", tooled(c.job.flights(), 10), t.TempDir(), "unknown"},
		{"to an earlier commit", early, dir, "input"},
		{"to an earlier commit, without the directory", early, t.TempDir(), "changelog"},
	} {
		c.admin.setOffsets(c.job.Prefix, step.offsets)
		for range 2 {
			err := start(step.dir, processor.ExactlyOnce).failsWith(t, time.Minute, "twice", "delete")
			var put *processor.OffsetsPutBackError
			if !errors.As(err, &put) {
				t.Fatalf("%s: error %v", step.name, err)
			}
			to, _ := step.offsets.Lookup(c.job.flights(), put.Partition)
			at, _ := offsets.Lookup(c.job.flights(), put.Partition)
			ok := false
			switch step.want {
			case "input":
				ok = put.Topic == c.job.flights() && put.Committed == to.At && put.Seen == at.At && !put.Changelog
			case "unknown":
				ok = put.Topic == c.job.flights() && put.Committed == to.At && put.Seen == -1 && !put.Changelog
			case "changelog":
				ok = put.Topic == c.job.Prefix+"-by-origin-changelog" && put.Seen > put.Committed && put.Committed > 0 && put.Changelog
			}
			if !ok {
				t.Errorf("%s: from %d to %d: %+v", step.name, at.At, to.At, put)
			}
		}
	}
	c.admin.setOffsets(c.job.Prefix, offsets)
	c.n += some(c, 500)
	c.check(start(dir, processor.ExactlyOnce))
}

// TestOffsetsPutForward skips input on purpose: what is between is not counted, and the log says
// so.
func TestOffsetsPutForward(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	j := job{"words", names(t, "app")}
	adm := newAdmin(t, b.Addr())
	adm.create(j.in(), 1, nil)
	adm.create(j.out(), 1, nil)
	live := readLive(t, b.Addr(), j.out())
	send := func(n int) {
		adm.produce(j.in(), func(yield func(message) bool) {
			for range n {
				yield(message{Key: []byte("k"), Value: []byte("v"), Partition: 0})
			}
		})
	}
	dir := t.TempDir()
	start := func() *app {
		return startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.StateDir, cfg.SessionTimeout = dir, 1500*time.Millisecond })
	}
	await := func(a *app, n int) {
		eventually(t, time.Minute, strconv.Itoa(n)+" results", func() (bool, string) {
			a.running(t)
			return live.count() >= n, strconv.Itoa(live.count())
		})
	}
	send(10)
	a := start()
	await(a, 10)
	a.stop(t)
	send(20)
	adm.setOffsets(j.Prefix, tooled(j.in(), 25))
	a = start()
	await(a, 15)
	a.stop(t)
	if !strings.Contains(a.log.String(), "records of the input are skipped") {
		t.Error("the log says nothing of skipped records")
	}
	got := readAll(t, b.Addr(), j.out())
	if len(got) != 15 || got[14].Value != "15" {
		t.Errorf("%d results, the last of them %+v", len(got), got[len(got)-1])
	}
}

// TestOffsetsPutBackWithoutState processes the input of a stateless application again, as one
// expects; the one whose records are counted behind a repartition topic does not.
func TestOffsetsPutBackWithoutState(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	adm := newAdmin(t, b.Addr())
	for _, kind := range []string{"copied", "rekeyed"} {
		j := job{kind, names(t, kind)}
		adm.create(j.in(), 1, nil)
		adm.create(j.out(), 1, nil)
		adm.produce(j.in(), func(yield func(message) bool) {
			for i := range 10 {
				yield(message{Key: []byte("k"), Value: []byte("v"), Partition: 0, Timestamp: int64(i)})
			}
		})
		dir := t.TempDir()
		run := func() *app {
			return startApp(t, b, j, nil, func(cfg *processor.Config) {
				cfg.StateDir, cfg.SessionTimeout, cfg.UntilEnd = dir, 1500*time.Millisecond, true
			})
		}
		if err := run().wait(t, time.Minute); err != nil {
			t.Fatal(err)
		}
		n := len(readAll(t, b.Addr(), j.out()))
		adm.setOffsets(j.Prefix, tooled(j.in(), 3))
		if kind == "rekeyed" {
			run().failsWith(t, time.Minute, j.in()+"/0", "is 3,", "up to 10", "twice")
			continue
		}
		if err := run().wait(t, time.Minute); err != nil {
			t.Fatal(err)
		}
		if again := len(readAll(t, b.Addr(), j.out())); n != 10 || again != 17 {
			t.Errorf("%d results, then %d; want 10 and 17", n, again)
		}
	}
}

// TestOffsetsGoneWithoutState: an application without state reads its input from the start when the
// group's offsets are gone, whether they have expired or the topic was made anew, and as with
// another state directory.
func TestOffsetsGoneWithoutState(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	adm := newAdmin(t, b.Addr())
	ctx, cancel := adm.context()
	defer cancel()
	send := func(topic string, values ...string) {
		adm.produce(topic, func(yield func(message) bool) {
			for i, v := range values {
				yield(message{Key: []byte(v), Value: []byte(v), Partition: int32(i % 2)})
			}
		})
	}
	expire := func(j job) {
		eventually(t, 30*time.Second, "the group's end", func() (bool, string) {
			r, err := adm.DeleteGroups(ctx, j.Prefix)
			return err == nil && r[j.Prefix].Err == nil, fmt.Sprint(err, r[j.Prefix].Err)
		})
	}
	anew := func(topic string) {
		if _, err := adm.DeleteTopics(ctx, topic); err != nil {
			t.Fatal(err)
		}
		eventually(t, 30*time.Second, "the topic's end", func() (bool, string) {
			d, err := adm.ListTopics(ctx, topic)
			return err == nil && d[topic].Err != nil, fmt.Sprint(err)
		})
		adm.cl.PurgeTopicsFromClient(topic)
		adm.create(topic, 2, nil)
	}
	for _, step := range []struct {
		name, kind string
		lose       func(job)
		want       []string
	}{
		{"expired", "copied", expire, []string{"a", "a", "b", "b", "c"}},
		{"made anew", "copied", func(j job) { anew(j.in()) }, []string{"a", "b", "c"}},
		// what is left of the repartition topic comes out again too
		{"expired in front of a shuffle", "shuffled", expire, nil},
		{"one of two inputs made anew", "merged", func(j job) { anew(j.in()) }, []string{"a", "b", "c", "n"}},
	} {
		t.Run(step.name, func(t *testing.T) {
			j := job{step.kind, names(t, step.kind)}
			for _, topic := range []string{j.in(), j.named(), j.out()} {
				adm.create(topic, 2, nil)
			}
			dir := t.TempDir()
			run := func() {
				t.Helper()
				a := startApp(t, b, j, nil, func(cfg *processor.Config) {
					cfg.StateDir, cfg.SessionTimeout, cfg.UntilEnd = dir, 1500*time.Millisecond, true
				})
				if err := a.wait(t, time.Minute); err != nil {
					t.Fatal(err)
				}
			}
			send(j.in(), "a", "b")
			send(j.named(), "n")
			run()
			step.lose(j)
			send(j.in(), "c")
			run()
			var got []string
			for _, o := range readAll(t, b.Addr(), j.out()) {
				got = append(got, o.Value)
			}
			slices.Sort(got)
			if want := step.want; want != nil && !slices.Equal(got, want) {
				t.Errorf("results %q, want %q", got, want)
			} else if want == nil && (len(got) < 5 || !slices.Contains(got, "c")) {
				t.Errorf("results %q", got)
			}
		})
	}
}
