package restore

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// committed notes in the database that the input has been processed up to at, as a commit does.
func (w *world) committed(h *Handle, topic string, at int64) {
	w.Helper()
	b := h.DB.NewBatch()
	if err := errors.Join(h.Checkpoint.Write(b, checkpoint.Update{Seq: h.Checkpoint.Seq() + 1, At: time.Now(), Inputs: map[string]int64{topic: at}}), b.Commit(), b.Close()); err != nil {
		w.Fatal(err)
	}
	h.Checkpoint.Applied()
}

// TestOpenOffsets compares offsets with state. The first of each case is what was committed with
// the state: up to 10 of "in", and an end of 2 for the changelog. More changelog records than that
// are there where it says so.
func TestOpenOffsets(t *testing.T) {
	ours := func(topic string, offset, end int64) Committed {
		return Committed{Topic: topic, Offset: offset, Start: offset, Metadata: checkpoint.Metadata{TransactionalID: "t", Changelogs: []checkpoint.ChangelogEnd{{Store: "kv", Offset: end}}}}
	}
	unfenced := func(topic string, offset, end int64) Committed {
		c := ours(topic, offset, end)
		c.Metadata.TransactionalID = ""
		return c
	}
	tool := func(topic string, offset int64) Committed {
		return Committed{Topic: topic, Offset: offset, Start: offset, Foreign: true}
	}
	none := func(topic string, start int64) Committed { return Committed{Topic: topic, Offset: -1, Start: start} }
	const fine, seen, unknown, ahead = "fine", "seen", "unknown", "changelog is ahead"
	for _, c := range []struct {
		name      string
		lost      bool // the database
		more      int  // changelog records that the database does not have
		committed []Committed
		want      string
		unfenced  string // at-least-once, if that is different
	}{
		{"as it was", false, 0, []Committed{ours("in", 10, 2)}, fine, ""},
		{"a crash has lost what was not flushed", false, 3, []Committed{ours("in", 20, 5)}, fine, ""},
		{"all is lost", true, 0, []Committed{ours("in", 10, 2)}, fine, ""},
		{"nothing was written since", false, 0, []Committed{ours("in", 30, 2)}, fine, ""},
		{"an earlier commit", false, 0, []Committed{ours("in", 9, 2)}, seen, ""},
		{"an earlier commit, all is lost", true, 0, []Committed{ours("in", 5, 1)}, ahead, fine},
		{"an earlier commit, but a later one than the database", false, 3, []Committed{ours("in", 15, 4)}, ahead, fine},
		{"at-least-once, before", false, 3, []Committed{unfenced("in", 15, 4)}, fine, ""},
		{"back", false, 0, []Committed{tool("in", 9)}, seen, ""},
		{"back, all is lost", true, 0, []Committed{tool("in", 9)}, unknown, fine},
		{"the same", false, 0, []Committed{tool("in", 10)}, fine, ""},
		{"forward", false, 0, []Committed{tool("in", 11)}, fine, ""},
		{"forward or back", false, 3, []Committed{tool("in", 11)}, unknown, fine},
		{"forward or back, all is lost", true, 0, []Committed{tool("in", 11)}, unknown, fine},
		{"one of two", false, 0, []Committed{ours("in", 10, 2), tool("new", 5)}, fine, ""},
		{"one of two, all is lost", true, 0, []Committed{ours("in", 10, 2), tool("new", 5)}, fine, ""},
		{"one of two without offset", false, 0, []Committed{ours("other", 10, 2), none("in", 0)}, fine, ""},
	} {
		for _, atLeastOnce := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", c.name, atLeastOnce), func(t *testing.T) {
				w := newWorld(t)
				w.sub.Stores = w.sub.Stores[:1] // all are logged
				w.opener.AtLeastOnce = atLeastOnce
				for i := range c.committed {
					for k := range c.committed[i].Metadata.Changelogs {
						c.committed[i].Metadata.Changelogs[k].TopicID = w.ids[kvLog]
					}
				}
				for range 2 {
					w.produce(kvLog, 0, []byte("k"), []byte("v"))
				}
				if !c.lost {
					h := w.mustOpen([]Committed{{Topic: "in", Offset: 5, Start: 5, Metadata: checkpoint.Metadata{TransactionalID: "t"}}})
					w.committed(h, "in", 10)
					w.pool.Release(h)
				}
				for range c.more {
					w.produce(kvLog, 0, []byte("k"), []byte("more"))
				}
				want := c.want
				if atLeastOnce && c.unfenced != "" {
					want = c.unfenced
				}
				for range 2 { // a second attempt is no better
					h, err := w.open(c.committed)
					if want == fine {
						if err != nil {
							t.Fatal(err)
						}
						for _, o := range c.committed {
							want, known := o.Offset, true
							if o.Offset < 0 {
								continue
							}
							if o.Foreign { // and skipped records can be had back
								want, known = 10, o.Topic == "in" && !c.lost
							}
							if at, ok := h.Checkpoint.Input(o.Topic); ok != known || known && at != want {
								t.Errorf("the database is at %d of %s (%v), want %d (%v)", at, o.Topic, ok, want, known)
							}
						}
						w.pool.Release(h)
						continue
					}
					var put *report.OffsetsPutBackError
					if !errors.As(err, &put) {
						t.Fatalf("error %v", err)
					}
					got := map[bool]string{true: ahead, false: seen}[put.Changelog]
					if put.Seen < 0 {
						got = unknown
					}
					if got != want || put.Task != "sub/0" || put.App != "app" || !put.Changelog && put.Committed != c.committed[0].Offset {
						t.Errorf("%s: %+v", got, put)
					}
				}
			})
		}
	}
}

// TestStateful follows repartition topics to the state that their records reach.
func TestStateful(t *testing.T) {
	top := topology.New("app")
	upper := func(v string) string { return v }
	top.Stream("copied", serde.String(), serde.String()).To("out")
	top.Stream("counted", serde.String(), serde.String()).GroupBy("by", upper).Count("n").ToStream().MapValues(func(int64) string { return "" }).Repartition("again").To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(Stateful(plan.ForRuntime(flow.Key{})))
	t.Log(plan.Describe().String())
	// "again" has no store but that of its time.
	if want := "map[by:true counted:true]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
