package queries

import (
	"time"

	"github.com/kolkstream/kolk/topology"
)

// Queries 15 and 16 count distinct bidders and auctions. No set is kept: there is a row for each
// pair of group and bidder, and one for each pair of group and auction, and rows are counted.

// rankedBid is what the counts need of a bid.
type rankedBid struct {
	Channel string `json:"channel"`
	Day     string `json:"day"`
	Minute  string `json:"minute"`
	Bidder  int64  `json:"bidder"`
	Auction int64  `json:"auction"`
	Price   int64  `json:"price"`
}

func ranked(e event) rankedBid {
	at := time.UnixMilli(e.Bid.DateTime).UTC()
	return rankedBid{e.Bid.Channel, at.Format(time.DateOnly), at.Format("15:04"), e.Bid.Bidder, e.Bid.Auction, e.Bid.Price}
}

// counts are numbers of bids, and of the rows that they are in.
type counts struct {
	Channel string `json:"channel"`
	Day     string `json:"day"`
	Minute  string `json:"minute"`
	Bids    int64  `json:"bids"`
	Bids1   int64  `json:"bids1"`
	Bids2   int64  `json:"bids2"`
	Bids3   int64  `json:"bids3"`
	Rows    int64  `json:"rows"`
	Rows1   int64  `json:"rows1"`
	Rows2   int64  `json:"rows2"`
	Rows3   int64  `json:"rows3"`
}

// add adds a bid to its row.
func (c counts) add(b rankedBid) counts {
	c.Channel, c.Day, c.Minute = b.Channel, b.Day, max(c.Minute, b.Minute)
	c.Bids, c.Rows = c.Bids+1, 1
	switch {
	case b.Price < 10_000:
		c.Bids1, c.Rows1 = c.Bids1+1, 1
	case b.Price < 1_000_000:
		c.Bids2, c.Rows2 = c.Bids2+1, 1
	default:
		c.Bids3, c.Rows3 = c.Bids3+1, 1
	}
	return c
}

// plus adds a row to its group.
func (c counts) plus(o counts) counts { return c.with(o, 1) }

// minus takes a row out. The minute stays: a row only comes back with a later one.
func (c counts) minus(o counts) counts { return c.with(o, -1) }

func (c counts) with(o counts, sign int64) counts {
	return counts{
		c.Channel, c.Day, max(c.Minute, o.Minute),
		c.Bids + sign*o.Bids, c.Bids1 + sign*o.Bids1, c.Bids2 + sign*o.Bids2, c.Bids3 + sign*o.Bids3,
		c.Rows + sign*o.Rows, c.Rows1 + sign*o.Rows1, c.Rows2 + sign*o.Rows2, c.Rows3 + sign*o.Rows3,
	}
}

// distinct is the table of the counts of each group, which bidders and auctions have together.
func distinct[R any](e events, bidder, auction func(rankedBid) string, group func(counts) string, join func(bidders, auctions counts) R) topology.Table[string, R] {
	bids := e.Filter(event.isBid).MapValues(ranked)
	bidders := bids.GroupBy("bidder", bidder).
		Aggregate("bids-of-bidders", counts.add).
		GroupBy("groups-of-bidders", group).
		Reduce("bidders", counts.plus, counts.minus)
	auctions := bids.GroupBy("auction", auction).
		Aggregate("bids-of-auctions", counts.add).
		GroupBy("groups-of-auctions", group).
		Reduce("auctions", counts.plus, counts.minus)
	return bidders.Join("both", auctions, topology.Inner(join))
}
