package worker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/processor/internal/assign"
)

// callback is what the client calls about partitions of the group.
type callback = func(context.Context, *kgo.Client, map[string][]int32)

// callbacks decides when the client may call back: between the first poll and the end of the
// session, one call at a time. The client joins the group as soon as it is made, and until it has
// polled it calls back at any time, even before the session knows it.
type callbacks struct {
	began chan struct{}
	begin func() // lets them through

	mu   sync.Mutex // held by those that run
	over bool       // guarded by mu

	// fatal is what they have found wrong. Only one that runs writes it, and none does while the
	// session reads it.
	fatal error
}

func newCallbacks() callbacks {
	began := make(chan struct{})
	return callbacks{began: began, begin: sync.OnceFunc(func() { close(began) })}
}

// guard returns f as the client may call it at any time.
func (c *callbacks) guard(f callback) callback {
	return func(ctx context.Context, cl *kgo.Client, partitions map[string][]int32) {
		<-c.began
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.over {
			f(ctx, cl, partitions)
		}
	}
}

// fail notes an error for the session, in a callback.
func (c *callbacks) fail(err error) { c.fatal = errors.Join(c.fatal, err) }

// end waits for a callback that is running; later ones do nothing.
func (c *callbacks) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
}

// notices are what the group has for the session. They come on any goroutine; the session looks at
// them before it polls and after.
type notices struct {
	meets   atomic.Bool // the group meets, and waits for the session to allow it
	orphans atomic.Bool // there are tasks that nobody has until the group meets
	behind  atomic.Bool // others know topics that this leader of the group does not
	topics  atomic.Bool // patterns have found other topics
	refused atomic.Pointer[assign.Refusal]
	called  atomic.Bool // calls are over that a task waits for
}
