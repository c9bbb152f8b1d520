package queries

// Query 2, selection: the price of bids for every 123rd auction.
func q2(e events, to string) {
	e.Filter(event.isBid).Filter(selected).MapValues(offered).To(to)
}

func selected(e event) bool { return e.Bid.Auction%123 == 0 }

type q2Result struct {
	Auction int64 `json:"auction"`
	Price   int64 `json:"price"`
}

func offered(e event) q2Result { return q2Result{e.Bid.Auction, e.Bid.Price} }
