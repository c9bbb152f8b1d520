package align

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/topology"
)

// The exchange runs as long as a task of this process is one that others may wait for, or waits
// itself. It is as quick as it may delay somebody.
const (
	everyHeld = 25 * time.Millisecond  // a task here waits
	everyBusy = 100 * time.Millisecond // one may have to
	// what has not changed is said again, so that others know that somebody is there
	everyBeat  = time.Second
	everyRetry = time.Second
)

// Exchange tells the other instances where the tasks of this process are, and learns where theirs
// are, until ctx ends. It asks nothing of the broker while all tasks of the groups are of this
// process, or none of its own has anything to process.
//
// What is told are committed offsets of the group APP-alignment, which nobody joins: one for each
// task, of the first of its inputs. Their metadata says where the task is; docs/format/alignment.md
// describes it.
type Exchange struct {
	Board *Board
	App   string
	Admin *kadm.Client
	// Input returns the topic on the broker whose partition stands for a task, "" if it has none.
	Input  func(id task.ID) string
	Logger *slog.Logger
}

// Run exchanges until ctx ends.
func (x *Exchange) Run(ctx context.Context) {
	if len(x.Board.groups) == 0 {
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-x.Board.kick:
		}
		every := x.Board.every()
		if every == 0 && !failed && !x.Board.untold() {
			timer.Reset(time.Hour)
			continue
		}
		err := x.turn(ctx)
		if err != nil && ctx.Err() == nil && !failed {
			x.Logger.Warn("instances cannot tell each other where they are in event time: those in front wait, up to a while", "group", x.group(), "err", err)
		}
		if failed = err != nil; failed {
			every = everyRetry
		}
		if every == 0 {
			every = time.Hour
		}
		// Kicks are no reason to be quicker than that.
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(every, everyHeld)):
		}
		timer.Reset(every - min(every, everyHeld))
	}
}

func (x *Exchange) group() string { return x.App + "-alignment" }

// turn reads what others say, and says what is new here.
func (x *Exchange) turn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	offsets, err := x.Admin.FetchOffsets(ctx, x.group())
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return err
	}
	say := kadm.Offsets{}
	x.Board.exchanged(func(id task.ID) (told, bool) {
		o, ok := offsets.Lookup(x.Input(id), id.Partition)
		if !ok || o.Err != nil {
			return told{}, false
		}
		t, err := parse(o.Metadata)
		// of another version, or somebody else's: as if nobody had said anything
		return t, err == nil
	}, func(id task.ID, t told) {
		if topic := x.Input(id); topic != "" {
			say.Add(kadm.Offset{Topic: topic, Partition: id.Partition, At: 0, LeaderEpoch: -1, Metadata: t.String()})
		}
	})
	if len(say) == 0 {
		return nil
	}
	return x.Admin.CommitAllOffsets(ctx, x.group(), say)
}

// told is what an instance says of a task.
type told struct {
	place
	beat uint64
}

const version = "1"

// String returns what is written: version, beat, and the time or "rest".
func (t told) String() string {
	time := "rest"
	if !t.rest {
		time = strconv.FormatInt(t.time, 10)
	}
	return version + ":" + strconv.FormatUint(t.beat, 10) + ":" + time
}

func parse(s string) (t told, err error) {
	parts := strings.Split(s, ":")
	if len(parts) != 3 || parts[0] != version {
		return t, fmt.Errorf("alignment %q is not of version %s", s, version)
	}
	if t.beat, err = strconv.ParseUint(parts[1], 10, 64); err != nil {
		return t, err
	}
	if t.time = topology.NoTime; parts[2] == "rest" {
		t.rest = true
		return t, nil
	}
	t.time, err = strconv.ParseInt(parts[2], 10, 64)
	return t, err
}

// every is how often to exchange: 0 for not now.
func (b *Board) every() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.foreign == 0 {
		return 0
	}
	every := time.Duration(0)
	for _, g := range b.groups {
		for _, e := range g.entries {
			switch {
			case e.owner == nil:
			case e.held:
				return everyHeld
			case !e.now.rest || !e.sent.rest:
				every = everyBusy
			}
		}
	}
	return every
}

// untold reports whether others would want to know something.
func (b *Board) untold() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.foreign == 0 {
		return false
	}
	for _, e := range b.tasks {
		if e.owner != nil && e.sent != e.told {
			return true
		}
	}
	return false
}

// exchanged takes over what is heard of the tasks of others, and says of its own what is news. What
// somebody else has said of a task that is here, because he had it before, is said anew.
func (b *Board) exchanged(heard func(task.ID) (told, bool), say func(task.ID, told)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.foreign == 0 {
		return
	}
	now := b.cfg.Now()
	for _, g := range b.groups {
		for _, e := range g.entries {
			h, ok := heard(e.id)
			switch {
			case e.owner == nil && ok && (h.place != e.told || h.beat != e.beat):
				e.told, e.beat, e.heard = h.place, h.beat, now
			case e.owner != nil && (!ok || h.place != e.sent || !e.sent.rest && now.Sub(e.heard) >= everyBeat):
				e.beat = max(e.beat, h.beat) + 1
				e.told, e.heard = e.sent, now
				say(e.id, told{e.sent, e.beat})
			}
		}
		g.version++ // and with time what was heard becomes old
	}
	b.tell(nil)
}
