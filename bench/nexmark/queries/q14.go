package queries

import (
	"strings"
	"time"
)

// Query 14, calculation: bids of a middling price, in euros, with the time of the day and how many
// letters c their text has.
func q14(e events, to string) {
	e.Filter(event.isBid).Filter(middling).MapValues(calculated).To(to)
}

func middling(e event) bool {
	p := euros(e.Bid.Price)
	return p > 1_000_000 && p < 50_000_000
}

type q14Result struct {
	Auction  int64   `json:"auction"`
	Bidder   int64   `json:"bidder"`
	Price    float64 `json:"price"`
	TimeType string  `json:"bidTimeType"`
	DateTime int64   `json:"dateTime"`
	Extra    string  `json:"extra"`
	Cs       int64   `json:"c_counts"`
}

func calculated(e event) q14Result {
	b := e.Bid
	return q14Result{b.Auction, b.Bidder, euros(b.Price), timeType(b.DateTime), b.DateTime, b.Extra, int64(strings.Count(b.Extra, "c"))}
}

func timeType(ms int64) string {
	switch hour := time.UnixMilli(ms).UTC().Hour(); {
	case hour >= 8 && hour <= 18:
		return "dayTime"
	case hour <= 6 || hour >= 20:
		return "nightTime"
	}
	return "otherTime"
}
