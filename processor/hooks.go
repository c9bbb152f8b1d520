package processor

import (
	"time"

	"github.com/kolkstream/kolk/processor/report"
)

// Hook is any of the interfaces below; an [App] calls those that it implements. [New] refuses one
// that implements none. Hooks are called on the application's own goroutines, several at a time:
// they must be fast and safe for concurrent use.
type Hook any

// StateHook is told every change of the application's state.
type StateHook interface{ OnState(from, to State) }

// CommitHook is told every commit of a worker: how many records it covers and how long it took.
type CommitHook interface {
	OnCommit(worker int, records int64, took time.Duration)
}

// AbortHook is told every aborted transaction, and why. The records are processed again.
type AbortHook interface{ OnAbort(worker int, err error) }

// RestoreHook is told the progress of restores.
type RestoreHook interface{ OnRestore(r Restoration) }

// TasksHook is told which tasks a worker runs, at every change and only then.
type TasksHook interface {
	OnTasks(worker int, tasks []TaskID)
}

// GrowthHook is told of each input topic that has got more partitions while the application runs,
// once, and whether they are read.
type GrowthHook interface{ OnGrowth(g Growth) }

// Growth is an input topic that has got more partitions.
type Growth = report.Growth

// Restoration is the progress of one store's restore.
type Restoration = report.Restoration

// TaskID names a task: sub-topology and partition.
type TaskID = report.TaskID

func isHook(h Hook) bool {
	switch h.(type) {
	case StateHook, CommitHook, AbortHook, RestoreHook, TasksHook, GrowthHook:
		return true
	}
	return false
}

func each[H any](hooks []Hook, call func(H)) {
	for _, h := range hooks {
		if t, ok := h.(H); ok {
			call(t)
		}
	}
}
