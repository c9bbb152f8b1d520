package processor

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/worker"
)

// reporter writes what an operator should know to the log, one line each. docs/COMMAND-LINE.md
// lists the lines. It is safe for concurrent use.
type reporter struct {
	*slog.Logger

	once      sync.Once // failed
	mu        sync.Mutex
	restoring map[string]time.Time // by changelog partition: since when
}

const (
	statisticsEvery = time.Minute
	// sayWaiting is how long a task waits until it is said; after that it is said with the
	// statistics.
	sayWaiting = 10 * time.Second
)

// started says what is run, and with which settings: given are those of the program, c has the
// defaults, too.
func (r *reporter) started(plan *flow.Plan, given, c Config) {
	r.Info("started", "version", version(), "topology", plan.Name, "plan", plan.Fingerprint, "application", c.ApplicationID,
		"brokers", strings.Join(c.Brokers, ","), "workers", c.Workers, "state", c.StateDir, slog.GroupAttrs("settings", differing(plan, given)...))
}

// differing are the settings that were given and are not the defaults, by the names of their
// fields, beyond those that "started" always has.
func differing(plan *flow.Plan, given Config) (all []slog.Attr) {
	has, defaults := reflect.ValueOf(given), reflect.ValueOf(Config{}.withDefaults(plan.Name))
	for i := range has.NumField() {
		name, v := has.Type().Field(i).Name, has.Field(i)
		switch name {
		case "Brokers", "ApplicationID", "StateDir", "Workers", "Logger", "Hooks", "Clock", "ClientOptions":
			continue
		}
		if v.IsZero() || v.Comparable() && v.Equal(defaults.Field(i)) {
			continue
		}
		text := fmt.Sprint(v.Interface())
		if d, ok := v.Interface().(time.Duration); ok && d == Never {
			text = "never"
		}
		all = append(all, slog.String(name, text))
	}
	return all
}

// version is that of kolk in this program.
func version() string {
	const path = "github.com/kolkstream/kolk"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if info.Main.Path == path && info.Main.Version != "" {
		return info.Main.Version
	}
	for _, d := range info.Deps {
		if d.Path == path {
			return d.Version
		}
	}
	return "unknown"
}

// tasks says which tasks a worker has got and given up.
func (r *reporter) tasks(worker int, before, now []TaskID) {
	var args []any
	if gained := without(now, before); len(gained) > 0 {
		args = append(args, "gained", listed(gained))
	}
	if lost := without(before, now); len(lost) > 0 {
		args = append(args, "lost", listed(lost))
	}
	if len(args) > 0 {
		r.Info("tasks", append([]any{"worker", worker, "running", len(now)}, args...)...)
	}
}

func without(ids, others []TaskID) (rest []TaskID) {
	for _, id := range ids {
		if !slices.Contains(others, id) {
			rest = append(rest, id)
		}
	}
	return rest
}

// listed writes tasks in one line that does not grow without bound.
func listed(ids []TaskID) string {
	const most = 20
	var names []string
	for i, id := range ids {
		if i == most {
			names = append(names, fmt.Sprintf("and %d more", len(ids)-most))
			break
		}
		names = append(names, id.String())
	}
	return strings.Join(names, " ")
}

// restore says that a restore has begun and ended. One that has nothing to read is not worth a
// line.
func (r *reporter) restore(p Restoration) {
	r.mu.Lock()
	key := fmt.Sprintf("%s/%d", p.Topic, p.Partition)
	begun, known := r.restoring[key]
	if !known {
		if r.restoring == nil {
			r.restoring = map[string]time.Time{}
		}
		begun = time.Now()
		r.restoring[key] = begun
	}
	if p.Done {
		delete(r.restoring, key)
	}
	r.mu.Unlock()
	args := []any{"task", p.Task, "store", p.Store, "changelog", key, "from", p.From, "end", p.End}
	if !known && !p.Done {
		r.Info("restore begun", args...)
	}
	if p.Done && (known || p.Records > 0) {
		r.Info("restore done", append(args, "records", p.Records, "took", time.Since(begun).Round(time.Millisecond))...)
	}
}

// follow writes the statistics once a minute, and what tasks wait for, until ctx ends.
func (r *reporter) follow(ctx context.Context, stats func() Stats, standing func() []worker.Standing) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last, lastIn := time.Now(), stats().In
	said := map[TaskID]time.Time{} // since when a task waits, of those that it was said of
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, all := time.Now(), standing()
		due := now.Sub(last) >= statisticsEvery
		if due {
			s := stats()
			lag := int64(0)
			for _, w := range all {
				lag += w.Lag
			}
			r.Info("statistics", append(numbers(s), "lag", lag, "records/s", int64(float64(s.In-lastIn)/now.Sub(last).Seconds()))...)
			last, lastIn = now, s.In
		}
		for _, w := range all {
			for _, wait := range w.Waits {
				if now.Sub(wait.Since) < sayWaiting || said[wait.Task].Equal(wait.Since) && !due {
					continue
				}
				said[wait.Task] = wait.Since
				r.Info("a task waits for an input", "task", wait.Task.String(), "topic", wait.Topic, "for", now.Sub(wait.Since).Round(time.Second))
			}
		}
	}
}

// failed says once why the application fails.
func (r *reporter) failed(err error) {
	r.once.Do(func() { r.Error("failed", "err", err) })
}

// ended writes the statistics of the whole run.
func (r *reporter) ended(how string, s Stats) {
	r.Info(how, numbers(s)...)
}

func numbers(s Stats) []any {
	dropped := int64(0)
	for _, d := range s.Dropped {
		dropped += d.Count
	}
	return []any{"in", s.In, "out", s.Out, "late", s.Late, "dropped", dropped, "commits", s.Commits, "aborts", s.Aborts, "restored", s.Restored, "tasks", len(s.Tasks)}
}
