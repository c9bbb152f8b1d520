package queries

import (
	"strconv"
	"time"
)

// Query 17, auction statistics: how many bids there are for an auction on a day, and their prices.
func q17(e events, to string) {
	e.Filter(event.isBid).MapValues(dated).
		GroupBy("auction-and-day", datedBid.key).
		Aggregate("statistics", statistics.add).
		ToStream().
		MapValues(statistics.result).
		To(to)
}

// datedBid is what the statistics need of a bid.
type datedBid struct {
	Auction int64  `json:"auction"`
	Day     string `json:"day"`
	Price   int64  `json:"price"`
}

func dated(e event) datedBid {
	return datedBid{e.Bid.Auction, time.UnixMilli(e.Bid.DateTime).UTC().Format(time.DateOnly), e.Bid.Price}
}

func (b datedBid) key() string { return strconv.FormatInt(b.Auction, 10) + " " + b.Day }

type statistics struct {
	Auction int64  `json:"auction"`
	Day     string `json:"day"`
	Total   int64  `json:"total_bids"`
	Rank1   int64  `json:"rank1_bids"`
	Rank2   int64  `json:"rank2_bids"`
	Rank3   int64  `json:"rank3_bids"`
	Min     int64  `json:"min_price"`
	Max     int64  `json:"max_price"`
	Sum     int64  `json:"sum_price"`
}

func (s statistics) add(b datedBid) statistics {
	if s.Total == 0 {
		s.Auction, s.Day, s.Min = b.Auction, b.Day, b.Price
	}
	s.Total++
	switch {
	case b.Price < 10_000:
		s.Rank1++
	case b.Price < 1_000_000:
		s.Rank2++
	default:
		s.Rank3++
	}
	s.Min, s.Max = min(s.Min, b.Price), max(s.Max, b.Price)
	s.Sum += b.Price
	return s
}

type q17Result struct {
	Auction int64  `json:"auction"`
	Day     string `json:"day"`
	Total   int64  `json:"total_bids"`
	Rank1   int64  `json:"rank1_bids"`
	Rank2   int64  `json:"rank2_bids"`
	Rank3   int64  `json:"rank3_bids"`
	Min     int64  `json:"min_price"`
	Max     int64  `json:"max_price"`
	Average int64  `json:"avg_price"` // a whole number, as that of whole numbers is in SQL
	Sum     int64  `json:"sum_price"`
}

func (s statistics) result() q17Result {
	return q17Result{s.Auction, s.Day, s.Total, s.Rank1, s.Rank2, s.Rank3, s.Min, s.Max, s.Sum / s.Total, s.Sum}
}
