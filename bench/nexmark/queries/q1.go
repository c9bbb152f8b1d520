package queries

// Query 1, currency conversion: every bid, in euros.
func q1(e events, to string) {
	e.Filter(event.isBid).MapValues(converted).To(to)
}

type q1Result struct {
	Auction  int64   `json:"auction"`
	Bidder   int64   `json:"bidder"`
	Price    float64 `json:"price"`
	DateTime int64   `json:"dateTime"`
	Extra    string  `json:"extra"`
}

func converted(e event) q1Result {
	b := e.Bid
	return q1Result{b.Auction, b.Bidder, euros(b.Price), b.DateTime, b.Extra}
}
