package main

import (
	"fmt"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// delaysByState declares the job: flights, joined with the airport that they left from, become
// statistics per state and day. topology.yaml beside this file says the same.
func delaysByState() (*topology.Plan, error) {
	t := topology.New("flight-delays")
	airports := t.GlobalTable("airports", serde.String(), serde.JSON[Airport]())
	t.Stream("flights", serde.String(), serde.JSON[Flight](), topology.TimeFromValue(Flight.Departure)).
		JoinGlobal("airport", airports, Flight.OriginCode, topology.Inner(Flight.From)).
		GroupBy("state", Departure.StateCode).
		Window(topology.Tumbling(24*time.Hour).Grace(time.Hour)).
		Aggregate("delays", Delays.Add).
		Final().
		StreamRecords(daily).
		To("delays-by-state")
	return t.Build()
}

// Flight is a value of the topic flights.
type Flight struct {
	Date   Minute `json:"date"`
	Delay  int64  `json:"delay"` // minutes; less than 0 is early
	Origin string `json:"origin"`
}

// Departure is the event time of a flight.
func (f Flight) Departure() time.Time { return time.Time(f.Date) }

// OriginCode is the key of the airport that the flight left from.
func (f Flight) OriginCode() string { return f.Origin }

// From says where the flight left from.
func (f Flight) From(a Airport) Departure { return Departure{State: a.State, Delay: f.Delay} }

// Airport is a value of the topic airports, which is keyed by IATA code.
type Airport struct {
	State string `json:"state"`
}

// Departure is a flight as the statistics need it.
type Departure struct {
	State string `json:"state"`
	Delay int64  `json:"delay"`
}

// StateCode is the key of the statistics.
func (d Departure) StateCode() string { return d.State }

// Delays are the statistics of one state in one window.
type Delays struct {
	Flights int64 `json:"flights"`
	Delayed int64 `json:"delayed"` // flights that were more than 15 minutes late
	Minutes int64 `json:"minutes"` // the sum of all delays
	Worst   int64 `json:"worst"`   // the largest delay
}

// Add counts a departure. It takes and returns values: nothing is shared with the store.
func (s Delays) Add(d Departure) Delays {
	if s.Flights == 0 || d.Delay > s.Worst {
		s.Worst = d.Delay
	}
	s.Flights++
	if d.Delay > 15 {
		s.Delayed++
	}
	s.Minutes += d.Delay
	return s
}

// Day is a value of the topic delays-by-state.
type Day struct {
	State string `json:"state"`
	Day   string `json:"day"` // 2001-01-01
	Delays
}

// daily turns the final statistics of a window into the result.
func daily(w topology.Window, state string, s Delays) (string, Day) {
	return state, Day{State: state, Day: w.StartTime().Format(time.DateOnly), Delays: s}
}

// Minute is a time as the flights have it: "2001/01/01 00:47", without a zone and taken as UTC.
type Minute time.Time

const minuteLayout = "2006/01/02 15:04"

// UnmarshalText reads the form of the data.
func (m *Minute) UnmarshalText(text []byte) error {
	t, err := time.Parse(minuteLayout, string(text))
	if err != nil {
		return fmt.Errorf("date %q is not like %q", text, minuteLayout)
	}
	*m = Minute(t)
	return nil
}

// MarshalText writes the form of the data.
func (m Minute) MarshalText() ([]byte, error) {
	return time.Time(m).AppendFormat(nil, minuteLayout), nil
}
