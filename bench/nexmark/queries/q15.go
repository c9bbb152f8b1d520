package queries

import "strconv"

// Query 15, bidding statistics: how many bids, bidders and auctions there are on a day, by price.
func q15(e events, to string) {
	distinct(e, rankedBid.bidderAndDay, rankedBid.auctionAndDay, counts.day, q15Of).ToStream().To(to)
}

func (b rankedBid) bidderAndDay() string  { return strconv.FormatInt(b.Bidder, 10) + " " + b.Day }
func (b rankedBid) auctionAndDay() string { return strconv.FormatInt(b.Auction, 10) + " " + b.Day }

func (c counts) day() string { return c.Day }

type q15Result struct {
	Day       string `json:"day"`
	Total     int64  `json:"total_bids"`
	Rank1     int64  `json:"rank1_bids"`
	Rank2     int64  `json:"rank2_bids"`
	Rank3     int64  `json:"rank3_bids"`
	Bidders   int64  `json:"total_bidders"`
	Bidders1  int64  `json:"rank1_bidders"`
	Bidders2  int64  `json:"rank2_bidders"`
	Bidders3  int64  `json:"rank3_bidders"`
	Auctions  int64  `json:"total_auctions"`
	Auctions1 int64  `json:"rank1_auctions"`
	Auctions2 int64  `json:"rank2_auctions"`
	Auctions3 int64  `json:"rank3_auctions"`
}

func q15Of(b, a counts) q15Result {
	return q15Result{
		b.Day, b.Bids, b.Bids1, b.Bids2, b.Bids3,
		b.Rows, b.Rows1, b.Rows2, b.Rows3,
		a.Rows, a.Rows1, a.Rows2, a.Rows3,
	}
}
