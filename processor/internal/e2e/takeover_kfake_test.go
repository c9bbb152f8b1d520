//go:build !kafka

package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/processor/internal/failpoint"
)

// TestTakesOverAnOpenTransaction: an instance dies between committing offsets and ending the
// transaction. Who takes its tasks over ends the transaction before the client asks for the
// offsets, which would find them pending and ask again only a second later.
func TestTakesOverAnOpenTransaction(t *testing.T) {
	t.Parallel()
	b := startFake(t)
	const portion = 2_000 / slow
	f := newFleet(t, b, job{"both", names(t, "app")}, 2)
	f.topics(4)
	live := readLive(t, b.Addr(), f.job.delays(), f.job.counts())
	victim, other := f.instances[0], f.instances[1]
	for _, i := range f.instances {
		i.config.Session = 1500 * time.Millisecond
	}

	var (
		mu   sync.Mutex
		seen []string // what brokers were asked for
	)
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, what)
	}
	b.ControlKey(int16(kmsg.OffsetFetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		for _, g := range r.(*kmsg.OffsetFetchRequest).Groups {
			if g.MemberID != nil { // the client, on behalf of the group
				note("offsets")
			}
		}
		return nil, nil, false
	})
	b.ControlKey(int16(kmsg.InitProducerID), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		note(*r.(*kmsg.InitProducerIDRequest).TransactionalID)
		return nil, nil, false
	})
	portions := make(chan int, 1)
	loaded := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	go func() { loaded <- f.load(ctx, portions) }()
	portions <- portion
	other.start(t)
	other.child.await(t, time.Minute, "running", isRunning)
	victim.config.Points = []pointConfig{{Name: failpoint.BeforeEndTxn, Nth: 3, Action: "kill"}}
	victim.start(t)
	eventually(t, time.Minute, "the death", func() (bool, string) {
		select {
		case portions <- 20:
		default:
		}
		return victim.child.exited(), ""
	})
	mu.Lock()
	ids := slices.DeleteFunc(slices.Clone(seen), func(what string) bool { return what == "offsets" })
	seen = nil
	mu.Unlock()
	if len(ids) != 2 {
		t.Fatalf("producers of %q", ids)
	}
	eventually(t, time.Minute, "the offsets of what the victim had", func() (bool, string) {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(seen, "offsets"), fmt.Sprint(seen)
	})
	mu.Lock()
	if want := []string{ids[1], "offsets"}; !slices.Equal(seen, want) {
		t.Errorf("after the death brokers were asked for %q, want %q", seen, want)
	}
	mu.Unlock()
	victim.config.Points = nil
	victim.restart(t)
	close(portions)
	if err := <-loaded; err != nil {
		t.Fatal(err)
	}
	f.check(t, live, 3*time.Minute)
}
