package queries

// Query 16, channel statistics: how many bids, bidders and auctions there are for a channel on a
// day, by price.
func q16(e events, to string) {
	distinct(e, rankedBid.bidderAndChannel, rankedBid.auctionAndChannel, counts.channelAndDay, q16Of).ToStream().To(to)
}

func (b rankedBid) bidderAndChannel() string  { return b.bidderAndDay() + " " + b.Channel }
func (b rankedBid) auctionAndChannel() string { return b.auctionAndDay() + " " + b.Channel }

func (c counts) channelAndDay() string { return c.Channel + " " + c.Day }

type q16Result struct {
	Channel   string `json:"channel"`
	Day       string `json:"day"`
	Minute    string `json:"minute"`
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

func q16Of(b, a counts) q16Result {
	return q16Result{
		b.Channel, b.Day, b.Minute,
		b.Bids, b.Bids1, b.Bids2, b.Bids3,
		b.Rows, b.Rows1, b.Rows2, b.Rows3,
		a.Rows, a.Rows1, a.Rows2, a.Rows3,
	}
}
