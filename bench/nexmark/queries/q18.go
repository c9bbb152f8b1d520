package queries

import (
	"strconv"

	"github.com/kolkstream/kolk/bench/nexmark"
)

// Query 18, find last bid: the last bid of each bidder for each auction. Of bids of the same time
// it is the one that came last, which is the same in every run because the bids for an auction are
// in one partition.
func q18(e events, to string) {
	e.Filter(event.isBid).MapValues(bidOf).
		GroupBy("bidder-and-auction", bidderAndAuction).
		Reduce("last-bids", later).
		ToStream().
		To(to)
}

func bidOf(e event) nexmark.Bid { return *e.Bid }

func bidderAndAuction(b nexmark.Bid) string {
	return strconv.FormatInt(b.Bidder, 10) + " " + strconv.FormatInt(b.Auction, 10)
}

func later(last, next nexmark.Bid) nexmark.Bid {
	if last.DateTime > next.DateTime {
		return last
	}
	return next
}
