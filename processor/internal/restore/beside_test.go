package restore

import (
	"sync"
	"testing"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/report"
)

// TestOpenStoresSideBySide restores two stores of one task: one begins while the other writes where
// it is to the checkpoint that they share. It is the race detector that fails it.
func TestOpenStoresSideBySide(t *testing.T) {
	w := newWorld(t)
	w.sub = &flow.SubTopology{Name: "sub"}
	for _, name := range []string{"kv", "win"} {
		w.sub.Stores = append(w.sub.Stores, flow.StoreSpec{Name: name, Kind: flow.KeyValueStore, Logged: true})
		w.produce("app-"+name+"-changelog", 0, []byte("k"), []byte(name))
	}
	read := make(chan struct{})
	var once sync.Once
	w.opener.Report = func(r report.Restoration) {
		if r.Store == "kv" && r.Records > 0 {
			once.Do(func() { close(read) }) // it is written next
		}
	}
	asked := 0
	w.opener.TopicID = func(topic string) [16]byte {
		if topic != windowLog {
			return w.ids[topic]
		}
		if asked++; asked == 2 { // first for its shape, before any is restored
			<-read
		}
		return w.ids[topic]
	}
	h := w.mustOpen(w.commits())
	for _, s := range w.sub.Stores {
		if got := w.get(h, s.Name, "k"); got != s.Name {
			t.Errorf("store %s has %s", s.Name, got)
		}
	}
	w.pool.Release(h)
}
