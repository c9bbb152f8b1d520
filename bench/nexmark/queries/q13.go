package queries

import (
	"strconv"

	"github.com/kolkstream/kolk/bench/nexmark"
	"github.com/kolkstream/kolk/topology"
)

// Query 13, bounded side input join: every bid with the row of a table that was there before.
func q13(e events, side topology.GlobalTable[string, string], to string) {
	e.Filter(event.isBid).
		JoinGlobal("side-input", side, sideKey, topology.Inner(enriched)).
		To(to)
}

type q13Result struct {
	Auction  int64  `json:"auction"`
	Bidder   int64  `json:"bidder"`
	Price    int64  `json:"price"`
	DateTime int64  `json:"dateTime"`
	Value    string `json:"value"`
}

func sideKey(e event) string { return strconv.FormatInt(e.Bid.Auction%nexmark.SideInputs, 10) }

func enriched(e event, value string) q13Result {
	b := e.Bid
	return q13Result{b.Auction, b.Bidder, b.Price, b.DateTime, value}
}
