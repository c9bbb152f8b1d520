package queries

import (
	"cmp"

	"github.com/kolkstream/kolk/bench/nexmark"
	"github.com/kolkstream/kolk/topology"
)

// Query 19, auction top 10: the ten highest bids for each auction, as a list. Of those of the same
// price their JSON decides.
func q19(e events, to string) {
	e.Filter(event.isBid).MapValues(bidOf).
		GroupByKey().
		AggregateWith("highest-bids", topology.Top(10, byPrice)).
		ToStream().
		MapValues(listed).
		To(to)
}

func byPrice(a, b nexmark.Bid) int { return cmp.Compare(a.Price, b.Price) }

type q19Result struct {
	Auction int64         `json:"auction"`
	Bids    []nexmark.Bid `json:"bids"`
}

func listed(bids []nexmark.Bid) q19Result { return q19Result{bids[0].Auction, bids} }
