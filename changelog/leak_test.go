package changelog_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/kolkstream/kolk/changelog"
)

// Close leaves no goroutine behind.
func TestRestorerCloses(t *testing.T) {
	c := cluster(t)
	w := newWriter(t, c, random(t), "w")
	createTopic(t, w.cl, "log", 2)
	w.transactions(5, "log", 2)
	before := goleak.IgnoreCurrent()
	r := restorer(t, c, changelog.Config{})
	if _, err := r.Restore(context30(t), newStore().request("log", 0, changelog.Spec{})); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	tb := newTable()
	go func() { done <- r.Follow(t.Context(), tb.request("log")) }()
	<-tb.loaded
	r.Close()
	<-done
	r.Close() // again is fine
	goleak.VerifyNone(t, before)
}
