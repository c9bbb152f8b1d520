package processor

import (
	"context"
	"time"

	"github.com/kolkstream/kolk/processor/internal/cluster"
)

const (
	// growthLook is how often the process asks whether its inputs have got more partitions: one
	// request for all of them.
	growthLook = 3 * time.Second
	// growthTell is how often it says again what is not read, or not known.
	growthTell = time.Minute
)

// watchGrowth notices inputs that get more partitions, until ctx ends.
func (a *App) watchGrowth(ctx context.Context, view *cluster.View) {
	tick := time.NewTicker(growthLook)
	defer tick.Stop()
	var failing, told time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			one, cancel := context.WithTimeout(ctx, growthTell)
			_, err := view.Look(one)
			cancel()
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				failing = time.Time{}
			case failing.IsZero():
				failing = now
			case now.Sub(failing) > growthTell:
				failing = now
				a.cfg.Logger.Warn("whether inputs have got more partitions is not known", "err", err)
			}
			refused := view.AllRefused()
			if len(refused) == 0 {
				told = now
			} else if now.Sub(told) > growthTell {
				told = now
				for _, g := range refused {
					a.logGrowth(g)
				}
			}
		}
	}
}

func (a *App) onGrowth(g Growth) {
	a.logGrowth(g)
	each(a.cfg.Hooks, func(h GrowthHook) { h.OnGrowth(g) })
	if g.Refused != nil {
		return
	}
	a.follow()
}

// follow tells the workers that there are other partitions or topics.
func (a *App) follow() {
	a.mu.Lock()
	workers := a.workers
	a.mu.Unlock()
	for _, w := range workers {
		w.Grown()
	}
}

func (a *App) logGrowth(g Growth) {
	switch {
	case g.Refused != nil && g.Before == 0:
		a.cfg.Logger.Error("a topic that a pattern matches is not read", "topic", g.Topic, "partitions", g.Partitions, "err", g.Refused)
		return
	case g.Partitions == 0:
		a.cfg.Logger.Warn("a topic of a pattern is gone: what reads it goes on without", "topic", g.Topic)
		return
	case g.Before == 0:
		a.cfg.Logger.Info("a topic joins in, by a pattern: it is read from its start", "topic", g.Topic, "partitions", g.Partitions)
		return
	}
	if g.Refused != nil {
		a.cfg.Logger.Error("an input has got partitions that are not read", "topic", g.Topic, "partitions", g.Partitions, "before", g.Before, "err", g.Refused)
		return
	}
	a.cfg.Logger.Info("an input has got more partitions: they are read from their start", "topic", g.Topic, "partitions", g.Partitions, "before", g.Before)
}
