package queries

import (
	"strconv"
	"time"

	"github.com/kolkstream/kolk/bench/nexmark"
	"github.com/kolkstream/kolk/topology"
)

// Query 8, monitor new users: who has opened an auction within the ten seconds in which they came.
// It is one window of both, which has the name of a person who came in it and knows whether there
// was an auction.
func q8(e allEvents, to string) {
	e.FilterNot(anyEvent.isBid).MapValues(activity).
		GroupBy("person", newcomer.key).
		Window(topology.Tumbling(10*time.Second).Grace(outOfOrder)).
		Reduce("newcomers", newcomer.and).
		Final().
		Filter(newcomer.sells).
		StreamRecords(monitored).
		To(to)
}

type newcomer struct {
	ID    int64   `json:"id"`
	Name  *string `json:"name"`
	Sells bool    `json:"sells"`
}

func activity(e anyEvent) newcomer {
	if e.Type == nexmark.PersonEvent {
		return newcomer{ID: e.Person.ID, Name: &e.Person.Name}
	}
	return newcomer{ID: e.Auction.Seller, Sells: true}
}

func (n newcomer) key() string { return strconv.FormatInt(n.ID, 10) }

func (n newcomer) and(o newcomer) newcomer {
	if n.Name == nil {
		n.Name = o.Name
	}
	n.Sells = n.Sells || o.Sells
	return n
}

func (n newcomer) sells() bool { return n.Name != nil && n.Sells }

type q8Result struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Start int64  `json:"starttime"`
}

func monitored(w topology.Window, key string, n newcomer) (string, q8Result) {
	return key, q8Result{n.ID, *n.Name, w.Start}
}
