// Package queries has queries of the Nexmark benchmark as topologies: in Go, and as YAML files that
// say the same. They yield what the SQL of github.com/nexmark/nexmark yields; ../README.md has a
// table of them.
//
// All read the topic [Topic], whose messages package nexmark makes, and write the topic that is
// named like the application: nexmark-q0 and so on. A result is a JSON object with the columns of
// the SQL. Queries that only look at one bid at a time write one result for each, with the key and
// the time of the bid. Those of windows, and the joins q20 and q23, write each result once. The
// others keep a table, and write an update of each key that has changed, at every commit: the last
// one of a key is its result.
package queries

import (
	"embed"
	"fmt"
	"strings"
	"time"

	"github.com/kolkstream/kolk/bench/nexmark"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

// Topic is the topic of the events.
const Topic = "nexmark"

// SideTopic is the topic of the side input, which q13 reads too.
const SideTopic = "nexmark-side-input"

// Names returns the names of the queries.
func Names() []string {
	return []string{
		"q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q11", "q12", "q13", "q14", "q15", "q16", "q17", "q18", "q19", "q20", "q21",
		"q22", "q23",
	}
}

// Application returns the application that runs a query; its results' topic has the same name.
func Application(query string) string { return "nexmark-" + query }

// Go returns the plan of a query that is written in Go.
func Go(query string) (*topology.Plan, error) {
	t := topology.New(Application(query))
	to := Application(query)
	switch query {
	case "q0":
		q0(bidsIn(t), to)
	case "q1":
		q1(bidsIn(t), to)
	case "q2":
		q2(bidsIn(t), to)
	case "q3":
		q3(allIn(t), to)
	case "q4":
		q4(allIn(t), to)
	case "q5":
		q5(bidsIn(t), to)
	case "q6":
		q6(allIn(t), to)
	case "q7":
		q7(bidsIn(t), to)
	case "q8":
		q8(allIn(t), to)
	case "q9":
		q9(allIn(t), to)
	case "q11":
		q11(bidsIn(t), to)
	case "q12":
		q12(bidsIn(t, topology.TimeFromWallClock), to)
	case "q13":
		q13(bidsIn(t), t.GlobalTable(SideTopic, serde.String(), serde.String()), to)
	case "q14":
		q14(bidsIn(t), to)
	case "q15":
		q15(bidsIn(t), to)
	case "q16":
		q16(bidsIn(t), to)
	case "q17":
		q17(bidsIn(t), to)
	case "q18":
		q18(bidsIn(t), to)
	case "q19":
		q19(bidsIn(t), to)
	case "q20":
		q20(allIn(t), to)
	case "q21":
		q21(bidsIn(t), to)
	case "q22":
		q22(bidsIn(t), to)
	case "q23":
		q23(allIn(t), to)
	default:
		return nil, unknown(query)
	}
	return t.Build()
}

//go:embed *.yaml
var files embed.FS

// YAML returns the plan of a query that is written in YAML: that of the file <query>.yaml beside
// this one.
func YAML(query string) (*topology.Plan, error) {
	path := query + ".yaml"
	data, err := files.ReadFile(path)
	if err != nil {
		return nil, unknown(query)
	}
	file, err := topoyaml.Load(path, data, topoyaml.Options{})
	if err != nil {
		return nil, err
	}
	return file.Plan(), nil
}

func unknown(query string) error {
	return fmt.Errorf("there is no query %q; there are %s", query, strings.Join(Names(), ", "))
}

// event is what queries of bids alone read of a message: people and auctions are not decoded.
type event struct {
	Type nexmark.Kind `json:"event_type"`
	Bid  *nexmark.Bid `json:"bid"`
}

func (e event) isBid() bool { return e.Type == nexmark.BidEvent }

type events = topology.Stream[string, event]

func bidsIn(t *topology.Topology, opts ...topology.SourceOption[event]) events {
	return t.Stream(Topic, serde.String(), serde.JSON[event](), opts...)
}

// anyEvent is a whole message.
type anyEvent struct {
	Type    nexmark.Kind     `json:"event_type"`
	Person  *nexmark.Person  `json:"person"`
	Auction *nexmark.Auction `json:"auction"`
	Bid     *nexmark.Bid     `json:"bid"`
}

func (e anyEvent) isPerson() bool  { return e.Type == nexmark.PersonEvent }
func (e anyEvent) isAuction() bool { return e.Type == nexmark.AuctionEvent }
func (e anyEvent) isBid() bool     { return e.Type == nexmark.BidEvent }

func (e anyEvent) auction() nexmark.Auction { return *e.Auction }
func (e anyEvent) bid() nexmark.Bid         { return *e.Bid }

type allEvents = topology.Stream[string, anyEvent]

func allIn(t *topology.Topology) allEvents {
	return t.Stream(Topic, serde.String(), serde.JSON[anyEvent]())
}

// outOfOrder is by how much events may come out of order, as in the original.
const outOfOrder = 4 * time.Second

// euros is a price in another currency: a thousandth is the smallest part, and the quotient is the
// float64 next to it.
func euros(price int64) float64 { return float64(price*908) / 1000 }
