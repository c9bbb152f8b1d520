package queries

import (
	"slices"
	"strconv"
	"time"

	"github.com/kolkstream/kolk/topology"
)

// Query 5, hot items: the auctions with the most bids in the last ten seconds, every two seconds.
func q5(e events, to string) {
	e.Filter(event.isBid).MapValues(auctionOf).
		GroupByKey().
		Window(topology.Hopping(10*time.Second, 2*time.Second).Grace(outOfOrder)).
		Aggregate("bids", bidCount.add).
		Final().
		StreamRecords(counted).
		GroupBy("window", hotItems.window).
		Reduce("hot-items", hotItems.or).
		ToStream().
		MapValues(hotItems.sorted).
		To(to)
}

type auctionID struct {
	Auction int64 `json:"auction"`
}

func auctionOf(e event) auctionID { return auctionID{e.Bid.Auction} }

type hotItems struct {
	Start    int64   `json:"starttime"`
	End      int64   `json:"endtime"`
	Num      int64   `json:"num"`
	Auctions []int64 `json:"auctions"`
}

type bidCount struct {
	Auction int64 `json:"auction"`
	Num     int64 `json:"num"`
}

func (c bidCount) add(a auctionID) bidCount { return bidCount{a.Auction, c.Num + 1} }

func counted(w topology.Window, key string, c bidCount) (string, hotItems) {
	return key, hotItems{w.Start, w.End, c.Num, []int64{c.Auction}}
}

func (h hotItems) window() string { return strconv.FormatInt(h.End, 10) }

func (h hotItems) or(o hotItems) hotItems {
	switch {
	case h.Num > o.Num:
		return h
	case o.Num > h.Num:
		return o
	}
	h.Auctions = slices.Concat(h.Auctions, o.Auctions)
	return h
}

// sorted does not depend on which auction's count came first.
func (h hotItems) sorted() hotItems {
	h.Auctions = slices.Sorted(slices.Values(h.Auctions))
	return h
}
