package queries

import (
	"strconv"

	"github.com/kolkstream/kolk/bench/nexmark"
	"github.com/kolkstream/kolk/topology"
)

// Query 3, local item suggestion: who in some states sells in category 10. Auctions and people are
// tables, so it does not matter which of the two comes first, or by how much.
func q3(e allEvents, to string) {
	people := e.Filter(anyEvent.isPerson).MapValues(seller).Filter(q3Person.local).
		GroupByKey().
		Reduce("people", newer)
	e.Filter(anyEvent.isAuction).MapValues(anyEvent.auction).Filter(inCategory10).MapValues(sold).
		GroupByKey().
		Reduce("auctions", newer).
		JoinForeign("sellers", people, q3Auction.person, topology.Inner(suggested)).
		ToStream().
		To(to)
}

type q3Person struct {
	Name  string `json:"name"`
	City  string `json:"city"`
	State string `json:"state"`
}

func seller(e anyEvent) q3Person { return q3Person{e.Person.Name, e.Person.City, e.Person.State} }

func (p q3Person) local() bool { return p.State == "OR" || p.State == "ID" || p.State == "CA" }

type q3Auction struct {
	ID     int64 `json:"id"`
	Seller int64 `json:"seller"`
}

func inCategory10(a nexmark.Auction) bool { return a.Category == 10 }

func sold(a nexmark.Auction) q3Auction { return q3Auction{a.ID, a.Seller} }

func (a q3Auction) person() string { return strconv.FormatInt(a.Seller, 10) }

func newer[V any](_, next V) V { return next }

type q3Result struct {
	Name  string `json:"name"`
	City  string `json:"city"`
	State string `json:"state"`
	ID    int64  `json:"id"`
}

func suggested(a q3Auction, p q3Person) q3Result { return q3Result{p.Name, p.City, p.State, a.ID} }
