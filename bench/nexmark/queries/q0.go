package queries

// Query 0, pass through: every bid.
func q0(e events, to string) {
	e.Filter(event.isBid).MapValues(passed).To(to)
}

type q0Result struct {
	Auction  int64  `json:"auction"`
	Bidder   int64  `json:"bidder"`
	Price    int64  `json:"price"`
	DateTime int64  `json:"dateTime"`
	Extra    string `json:"extra"`
}

func passed(e event) q0Result {
	b := e.Bid
	return q0Result{b.Auction, b.Bidder, b.Price, b.DateTime, b.Extra}
}
