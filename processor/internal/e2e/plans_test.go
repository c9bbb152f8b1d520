package e2e

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor"
)

// moves is a hook that counts how often what runs here has changed.
type moves struct {
	mu sync.Mutex
	n  int
	is []processor.TaskID
}

func (m *moves) OnTasks(_ int, tasks []processor.TaskID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Equal(tasks, m.is) {
		m.n++
		m.is = slices.Clone(tasks)
	}
}

func (m *moves) tasks() (number, changes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.is), m.n
}

// TestPlansThatDiffer: instances whose plans differ in nodes without state run in one group and
// take over each other's tasks, with the results of a loop. One whose state differs is refused by
// name, and those that run go on with what they have.
func TestPlansThatDiffer(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	j := job{"words", names(t, "app")}
	adm := newAdmin(t, b.Addr())
	adm.create(j.in(), 4, nil)
	adm.create(j.out(), 4, nil)
	live := readLive(t, b.Addr(), j.out())
	n := 0
	send := func() {
		adm.produce(j.in(), func(yield func(message) bool) {
			for i := range 100 {
				n++
				yield(message{Key: []byte("k" + strconv.Itoa(i%20)), Value: []byte("v"), Partition: int32(i % 4)})
			}
		})
	}
	start := func(kind string) (*app, *moves) {
		hook := new(moves)
		return startApp(t, b, job{kind, j.Prefix}, nil, func(cfg *processor.Config) {
			cfg.SessionTimeout, cfg.Hooks = 3*time.Second, []processor.Hook{hook}
		}), hook
	}
	await := func(apps ...*app) {
		t.Helper()
		eventually(t, time.Minute, "results", func() (bool, string) {
			for _, a := range apps {
				a.running(t)
			}
			return live.count() >= n, strconv.Itoa(live.count())
		})
	}
	old, oldMoves := start("words")
	send()
	await(old)
	// The same with functions in front of the count.
	next, nextMoves := start("fragile")
	eventually(t, time.Minute, "two instances that share the tasks", func() (bool, string) {
		old.running(t)
		next.running(t)
		a, _ := oldMoves.tasks()
		b, _ := nextMoves.tasks()
		return a == 2 && b == 2, strconv.Itoa(a) + " and " + strconv.Itoa(b)
	})
	send()
	await(old, next)
	_, before := nextMoves.tasks()
	other, _ := start("reworded")
	err := other.failsWith(t, time.Minute, "repartition topic by-value: the group does not have it", "store words", "application id")
	var refused *processor.PlanRefusedError
	if !errors.As(err, &refused) || refused.Members != 2 || len(refused.Differences) < 2 {
		t.Errorf("error %v", err)
	}
	send()
	await(old, next)
	if tasks, changes := nextMoves.tasks(); tasks != 2 || changes != before || next.Stats().Resets != 0 {
		t.Errorf("the one that runs has %d tasks after %d changes, and had 2 after %d", tasks, changes, before)
	}
	old.stop(t)
	eventually(t, time.Minute, "all tasks", func() (bool, string) {
		next.running(t)
		n, _ := nextMoves.tasks()
		return n == 4, strconv.Itoa(n)
	})
	send()
	await(next)
	again, _ := start("words")
	send()
	await(next, again)
	next.stop(t)
	send()
	await(again)
	again.stop(t)
	counted := map[string]int{} // the input has each key in one partition
	for _, o := range live.all(t) {
		if c, _ := strconv.Atoi(o.Value); c != counted[o.Key]+1 {
			t.Errorf("%s is counted %s after %d", o.Key, o.Value, counted[o.Key])
		}
		counted[o.Key]++
	}
	for k, c := range counted {
		if c != n/20 {
			t.Errorf("%s was counted %d times, want %d", k, c, n/20)
		}
	}
}
