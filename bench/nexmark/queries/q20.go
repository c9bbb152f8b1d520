package queries

import (
	"time"

	"github.com/kolkstream/kolk/bench/nexmark"
	"github.com/kolkstream/kolk/topology"
)

// Query 20, expand bid with auction: the bids for auctions of category 10, with the auction. Bids
// are made from a little before their auction on until it has long expired: at one event in a
// second from three minutes before it to 40 minutes behind it.
func q20(e allEvents, to string) {
	auctions := e.Filter(anyEvent.isAuction).MapValues(anyEvent.auction).Filter(inCategory10)
	e.Filter(anyEvent.isBid).MapValues(anyEvent.bid).
		JoinWithin("auctions", auctions, topology.Within(0).Before(time.Hour).After(10*time.Minute).Grace(outOfOrder), topology.Inner(expanded)).
		To(to)
}

type q20Result struct {
	Auction         int64  `json:"auction"`
	Bidder          int64  `json:"bidder"`
	Price           int64  `json:"price"`
	Channel         string `json:"channel"`
	URL             string `json:"url"`
	DateTime        int64  `json:"dateTime"`
	Extra           string `json:"extra"`
	ItemName        string `json:"itemName"`
	Description     string `json:"description"`
	InitialBid      int64  `json:"initialBid"`
	Reserve         int64  `json:"reserve"`
	AuctionDateTime int64  `json:"auction_dateTime"`
	Expires         int64  `json:"expires"`
	Seller          int64  `json:"seller"`
	Category        int64  `json:"category"`
	AuctionExtra    string `json:"auction_extra"`
}

func expanded(b nexmark.Bid, a nexmark.Auction) q20Result {
	return q20Result{
		b.Auction, b.Bidder, b.Price, b.Channel, b.URL, b.DateTime, b.Extra,
		a.ItemName, a.Description, a.InitialBid, a.Reserve, a.DateTime, a.Expires, a.Seller, a.Category, a.Extra,
	}
}
