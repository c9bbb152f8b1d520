// Package queries has queries of the Nexmark benchmark as topologies: in Go, and as YAML files that
// say the same. They yield what the SQL of github.com/nexmark/nexmark yields; ../README.md has a
// table of them.
//
// All read the topic [Topic], whose messages package nexmark makes, and write the topic that is
// named like the application: nexmark-q0 and so on. A result is a JSON object with the columns of
// the SQL. Queries that only look at one bid at a time write one result for each, with the key and
// the time of the bid. The others keep a table, and write an update of each key that has changed,
// at every commit: the last one of a key is its result.
package queries

import (
	"embed"
	"fmt"
	"strings"

	"github.com/kolkstream/kolk/bench/nexmark"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

// Topic is the topic of the events.
const Topic = "nexmark"

// Names returns the names of the queries.
func Names() []string { return []string{"q0", "q1", "q2", "q14", "q17", "q18", "q21", "q22"} }

// Application returns the application that runs a query; its results' topic has the same name.
func Application(query string) string { return "nexmark-" + query }

// Go returns the plan of a query that is written in Go.
func Go(query string) (*topology.Plan, error) {
	t := topology.New(Application(query))
	events := t.Stream(Topic, serde.String(), serde.JSON[event]())
	to := Application(query)
	switch query {
	case "q0":
		q0(events, to)
	case "q1":
		q1(events, to)
	case "q2":
		q2(events, to)
	case "q14":
		q14(events, to)
	case "q17":
		q17(events, to)
	case "q18":
		q18(events, to)
	case "q21":
		q21(events, to)
	case "q22":
		q22(events, to)
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

// event is what the queries read of a message: people and auctions are not decoded.
type event struct {
	Type nexmark.Kind `json:"event_type"`
	Bid  *nexmark.Bid `json:"bid"`
}

func (e event) isBid() bool { return e.Type == nexmark.BidEvent }

type events = topology.Stream[string, event]

// euros is a price in another currency: a thousandth is the smallest part, and the quotient is the
// float64 next to it.
func euros(price int64) float64 { return float64(price*908) / 1000 }
