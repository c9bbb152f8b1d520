package queries

import "github.com/kolkstream/kolk/bench/nexmark"

// Query 9, winning bids: the highest bid of each auction that was made while it was open. Of bids
// of the same price it is the earliest one.
func q9(e allEvents, to string) {
	offers(e, winning).MapValues(offer[q9Result].of).
		GroupByKey().
		Reduce("winning-bids", q9Result.or).
		ToStream().
		To(to)
}

type q9Result struct {
	ID          int64  `json:"id"`
	ItemName    string `json:"itemName"`
	Description string `json:"description"`
	InitialBid  int64  `json:"initialBid"`
	Reserve     int64  `json:"reserve"`
	DateTime    int64  `json:"dateTime"`
	Expires     int64  `json:"expires"`
	Seller      int64  `json:"seller"`
	Category    int64  `json:"category"`
	Extra       string `json:"extra"`
	Auction     int64  `json:"auction"`
	Bidder      int64  `json:"bidder"`
	Price       int64  `json:"price"`
	BidDateTime int64  `json:"bid_dateTime"`
	BidExtra    string `json:"bid_extra"`
}

func winning(b nexmark.Bid, a nexmark.Auction) q9Result {
	return q9Result{
		a.ID, a.ItemName, a.Description, a.InitialBid, a.Reserve, a.DateTime, a.Expires, a.Seller, a.Category, a.Extra,
		b.Auction, b.Bidder, b.Price, b.DateTime, b.Extra,
	}
}

func (r q9Result) or(next q9Result) q9Result {
	if next.Price > r.Price || next.Price == r.Price && next.BidDateTime < r.BidDateTime {
		return next
	}
	return r
}
