package queries

import "strings"

// Query 22, get URL directories: every bid with the three directories of its URL.
func q22(e events, to string) {
	e.Filter(event.isBid).MapValues(directories).To(to)
}

type q22Result struct {
	Auction int64   `json:"auction"`
	Bidder  int64   `json:"bidder"`
	Price   int64   `json:"price"`
	Channel string  `json:"channel"`
	Dir1    *string `json:"dir1"`
	Dir2    *string `json:"dir2"`
	Dir3    *string `json:"dir3"`
}

func directories(e event) q22Result {
	b := e.Bid
	parts := strings.Split(b.URL, "/")
	part := func(i int) *string {
		if i >= len(parts) {
			return nil
		}
		return &parts[i]
	}
	return q22Result{b.Auction, b.Bidder, b.Price, b.Channel, part(3), part(4), part(5)}
}
