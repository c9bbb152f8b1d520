package main

import (
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// strongestByNetwork declares the job. topology.yaml beside this file says the same.
func strongestByNetwork(grace time.Duration) (*topology.Plan, error) {
	t := topology.New("earthquakes")
	t.Stream("earthquakes", serde.String(), serde.JSON[Event](), topology.TimeFromValue(Event.Occurred)).
		GroupBy("network", Event.Network).
		Window(topology.Tumbling(6*time.Hour).Grace(grace)).
		Aggregate("strongest", Activity.Add).
		Final().
		StreamRecords(report).
		To("earthquakes-by-network")
	return t.Build()
}

// Event is a value of the topic earthquakes.
type Event struct {
	Time int64   `json:"time"` // milliseconds since 1970
	Net  string  `json:"net"`
	Mag  float64 `json:"mag"`
}

// Occurred is the event time, which is not the order in which events come.
func (e Event) Occurred() time.Time { return time.UnixMilli(e.Time) }

// Network is the key of the results.
func (e Event) Network() string { return e.Net }

// Activity is what a network saw in a window.
type Activity struct {
	Events  int64   `json:"events"`
	Largest float64 `json:"largest"` // magnitude; it can be negative
}

// Add counts an event.
func (a Activity) Add(e Event) Activity {
	if a.Events == 0 || e.Mag > a.Largest {
		a.Largest = e.Mag
	}
	a.Events++
	return a
}

// Report is a value of the topic earthquakes-by-network.
type Report struct {
	Net  string `json:"net"`
	From string `json:"from"` // 2018-01-31 06:00
	Activity
}

func report(w topology.Window, net string, a Activity) (string, Report) {
	return net, Report{Net: net, From: w.StartTime().Format("2006-01-02 15:04"), Activity: a}
}
