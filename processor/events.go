package processor

import (
	"slices"
	"time"

	"github.com/kolkstream/kolk/processor/internal/worker"
)

// events are what the workers tell the application, which notes it and tells its hooks.
func (a *App) events() worker.Events {
	return worker.Events{
		Assigned: func(w int, ids []TaskID) {
			a.mu.Lock()
			before := a.running[w]
			a.running[w] = ids
			a.mu.Unlock()
			a.settle()
			if slices.Equal(before, ids) {
				return
			}
			a.log.tasks(w, before, ids)
			each(a.cfg.Hooks, func(h TasksHook) { h.OnTasks(w, ids) })
		},
		Committed: func(w int, n int64, took time.Duration) {
			each(a.cfg.Hooks, func(h CommitHook) { h.OnCommit(w, n, took) })
		},
		Closed: func(w int) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.closed[w] = true
		},
		Aborted: func(w int, err error) { each(a.cfg.Hooks, func(h AbortHook) { h.OnAbort(w, err) }) },
		Done: func(int, []TaskID) {
			select {
			case a.ended <- struct{}{}:
			default:
			}
		},
	}
}

func (a *App) onRestore(r Restoration) {
	if r.Done {
		a.restored.Add(r.Records)
	}
	a.log.restore(r)
	each(a.cfg.Hooks, func(h RestoreHook) { h.OnRestore(r) })
}
