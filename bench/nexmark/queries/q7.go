package queries

import (
	"slices"
	"strconv"
	"time"

	"github.com/kolkstream/kolk/topology"
)

// Query 7, highest bid: the bids of the highest price in each ten seconds. First come those of each
// auction, in its own partition, so that one partition has only the best of them to compare.
func q7(e events, to string) {
	window := topology.Tumbling(10 * time.Second).Grace(outOfOrder)
	e.Filter(event.isBid).MapValues(alone).
		GroupByKey().
		Window(window).
		Reduce("highest-of-auction", highest.or).
		Final().
		StreamRecords(ofWindow).
		GroupBy("window", highest.window).
		Window(window).
		Reduce("highest", highest.or).
		Final().
		StreamRecords(ofWindow).
		FlatMapValues(highest.bids).
		To(to)
}

type highest struct {
	End   int64      `json:"end"`
	Price int64      `json:"price"`
	Bids  []q7Result `json:"bids"`
}

type q7Result struct {
	Auction  int64  `json:"auction"`
	Price    int64  `json:"price"`
	Bidder   int64  `json:"bidder"`
	DateTime int64  `json:"dateTime"`
	Extra    string `json:"extra"`
}

func alone(e event) highest {
	b := e.Bid
	return highest{0, b.Price, []q7Result{{b.Auction, b.Price, b.Bidder, b.DateTime, b.Extra}}}
}

func (h highest) or(o highest) highest {
	switch {
	case h.Price > o.Price:
		return h
	case o.Price > h.Price:
		return o
	}
	h.Bids = slices.Concat(h.Bids, o.Bids)
	return h
}

func ofWindow(w topology.Window, key string, h highest) (string, highest) {
	h.End = w.End
	return key, h
}

func (h highest) window() string   { return strconv.FormatInt(h.End, 10) }
func (h highest) bids() []q7Result { return h.Bids }
