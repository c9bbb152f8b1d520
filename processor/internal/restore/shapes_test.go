package restore

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/report"
)

const tenMinutes = "count tumbling=10m key=string value=int64"

// shaped makes the store of the world what the text says.
func (w *world) shaped(text string) {
	w.Helper()
	shape, err := flow.ParseShape(text)
	if err != nil {
		w.Fatal(err)
	}
	w.sub.Stores[0].Shape = shape
}

// said is what the group has committed, by a plan in which the store was what the text says.
func (w *world) said(text string) []Committed {
	return w.commits(checkpoint.ChangelogEnd{Store: "kv", TopicID: w.ids[kvLog], Offset: 1, Shape: text})
}

// TestOpenDiffers: a store is refused that a plan reads as what it is not, whether the commit or
// the database gives it away, and stays as it was.
func TestOpenDiffers(t *testing.T) {
	w := newWorld(t)
	w.produce(kvLog, 0, []byte("k"), []byte("v"))
	refused := func(what, want string, c []Committed) {
		t.Helper()
		h, err := w.open(c)
		if h != nil {
			w.pool.Release(h)
		}
		differs, ok := errors.AsType[*report.StateDiffersError](err)
		if !ok || strings.Join(differs.Differences, ", ") != want || differs.Store != "kv" || differs.Changelog != kvLog {
			t.Fatalf("%s: %v", what, err)
		}
		for _, part := range []string{"store kv", want, "another name", "--topic " + kvLog, w.sub.Stores[0].Shape.String()} {
			if !strings.Contains(err.Error(), part) && (part != w.sub.Stores[0].Shape.String() || want == "") {
				t.Errorf("%s: %q is not in: %v", what, part, err)
			}
		}
	}
	taken := func(what string, c []Committed, want string) {
		t.Helper()
		h := w.mustOpen(c)
		if got := h.Checkpoint.Shape("kv"); w.get(h, "kv", "k") != "v" || got != want {
			t.Fatalf("%s: k is %s of %s", what, w.get(h, "kv", "k"), got)
		}
		w.pool.Release(h)
	}
	w.shaped("count tumbling=5m key=string value=int64")
	refused("text", "window size 10m -> 5m", w.said(tenMinutes))
	refused("hash", "", w.said(checkpoint.ShapeHash(tenMinutes)))
	w.shaped(tenMinutes)
	taken("an older version's commit", w.said(""), "")
	taken("hash", w.said(checkpoint.ShapeHash(tenMinutes)), tenMinutes)
	w.shaped("count tumbling=5m key=string value=int64")
	refused("hash, and the database has the text", "window size 10m -> 5m", w.said(checkpoint.ShapeHash(tenMinutes)))
	refused("the database alone", "window size 10m -> 5m", w.said(""))
	foreign := []Committed{{Topic: "in", Offset: 10, Start: 10, Foreign: true}}
	refused("the offset of another program", "window size 10m -> 5m", foreign)
	w.shaped(tenMinutes)
	taken("after all", w.said(tenMinutes), tenMinutes)
	w.shaped("aggregate key=string value=json columns=n:count")
	taken("columns", w.said("aggregate key=string value=json columns=m:sum"), "aggregate key=string value=json columns=m:sum")
	if _, err := w.open(w.said("no such thing")); !errors.Is(err, checkpoint.ErrVersion) {
		t.Errorf("a newer version's: %v", err)
	}
}

// TestOpenDiffersAnew: who has deleted the changelog begins anew, on the same directory too.
func TestOpenDiffersAnew(t *testing.T) {
	w := newWorld(t)
	w.produce(kvLog, 0, []byte("k"), []byte("v"))
	w.shaped(tenMinutes)
	before := w.said(tenMinutes)
	w.pool.Release(w.mustOpen(before))
	w.recreate(kvLog, 1)
	if _, err := w.open(before); err == nil {
		t.Fatal("the same plan takes an empty changelog for its own")
	}
	w.shaped("count tumbling=5m key=string value=int64")
	h := w.mustOpen(before)
	if w.get(h, "kv", "k") != "-" {
		t.Error("the old state is there")
	}
	w.pool.Release(h)
}

// TestOpenLeftBehind: a store that the last commit did not have is empty, or not of these offsets.
func TestOpenLeftBehind(t *testing.T) {
	w := newWorld(t)
	without := []Committed{{Topic: "in", Offset: 10, Start: 10, Metadata: checkpoint.Metadata{TransactionalID: "t", Changelogs: []checkpoint.ChangelogEnd{}}}}
	w.pool.Release(w.mustOpen(without)) // new to the plan
	w.produce(kvLog, 0, []byte("k"), []byte("v"))
	refused := func(what string) {
		t.Helper()
		_, err := w.open(without)
		left, ok := errors.AsType[*report.StateLeftBehindError](err)
		if !ok || left.Store != "kv" || left.Changelog != kvLog {
			t.Fatalf("%s: %v", what, err)
		}
	}
	refused("in the changelog")
	w.pool.Release(w.mustOpen(w.commits(checkpoint.ChangelogEnd{Store: "kv", TopicID: w.ids[kvLog], Offset: 1})))
	refused("in the database")
	w.opener.AtLeastOnce = true
	w.pool.Release(w.mustOpen(without))
}

// TestOpenMentions: state that no store of the plan has is said once.
func TestOpenMentions(t *testing.T) {
	w := newWorld(t)
	var log bytes.Buffer
	w.pool.log = slog.New(slog.NewTextHandler(&log, nil))
	w.opener.Stores = map[string]bool{"kv": true, "scratch": true}
	for range 2 {
		w.pool.Release(w.mustOpen(w.commits(checkpoint.ChangelogEnd{Store: "kv"}, checkpoint.ChangelogEnd{Store: "old", Offset: 3})))
	}
	if n := strings.Count(log.String(), "store=old changelog=app-old-changelog"); n != 1 || strings.Contains(log.String(), "store=kv") {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}
