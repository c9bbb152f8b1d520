package changelog_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/seeds"
)

// Close leaves no goroutine behind.
func TestRestorerCloses(t *testing.T) {
	c := cluster(t)
	w := newWriter(t, c, seeds.Rand(t), "w")
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
	// For each request of a connection the embedded broker starts a goroutine; those of the
	// writer's connections are of no interest. Connections that the restorer left open would show
	// as goroutines of its client.
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read.func1"),
		goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).write.func1"))
}
