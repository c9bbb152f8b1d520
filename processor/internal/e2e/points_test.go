package e2e

import (
	"errors"
	"os"
	"sync"

	"github.com/kolkstream/kolk/processor/internal/failpoint"
)

// errInjected is the error of a failpoint whose action is "error".
var errInjected = errors.New("injected by a failpoint")

// pointConfig arms a failpoint.
type pointConfig struct {
	Name failpoint.Name
	// Nth hit acts, counted from 1; every one from there on if Always is set.
	Nth    int
	Always bool
	// Action is "kill" (SIGKILL of the own process) or "error".
	Action string
}

// armed is a set of failpoints that counts its hits. It is safe for concurrent use.
type armed struct {
	mu     sync.Mutex
	points []pointConfig
	hits   map[failpoint.Name]int
	acted  map[failpoint.Name]int
	notify func(failpoint.Name) // before acting; may be nil
}

func arm(points ...pointConfig) *armed {
	return &armed{points: points, hits: map[failpoint.Name]int{}, acted: map[failpoint.Name]int{}}
}

// set replaces what is armed and begins to count anew.
func (a *armed) set(points ...pointConfig) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.points, a.hits, a.acted = points, map[failpoint.Name]int{}, map[failpoint.Name]int{}
}

// hit is the failpoint.Points.
func (a *armed) hit(n failpoint.Name) error {
	a.mu.Lock()
	a.hits[n]++
	action := ""
	for _, p := range a.points {
		if p.Name == n && (a.hits[n] == p.Nth || p.Always && a.hits[n] > p.Nth) {
			action = p.Action
			a.acted[n]++
		}
	}
	notify := a.notify
	a.mu.Unlock()
	if action == "" {
		return nil
	}
	if notify != nil {
		notify(n)
	}
	if action == "kill" {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		if err != nil {
			panic(err)
		}
		select {} // until the signal arrives
	}
	return errInjected
}

// did returns how often the failpoint acted.
func (a *armed) did(n failpoint.Name) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.acted[n]
}

// seen returns how often the failpoint was hit.
func (a *armed) seen(n failpoint.Name) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hits[n]
}
