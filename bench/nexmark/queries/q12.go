package queries

import (
	"strconv"
	"time"

	"github.com/kolkstream/kolk/topology"
)

// Query 12, processing time windows: how many bids a bidder makes in each ten seconds of the wall
// clock. Its source takes the time of bids from that, so when bids were made does not matter.
func q12(e events, to string) {
	e.Filter(event.isBid).MapValues(bidderOf).
		GroupBy("bidder", bidderID.id).
		Window(topology.Tumbling(10 * time.Second).Grace(clocksDiffer)).
		Count("bids").
		Final().
		StreamRecords(perWindow).
		To(to)
}

// clocksDiffer is by how much the clock of a machine may be behind that of another one which has
// read the same partition before.
const clocksDiffer = time.Second

type q12Result struct {
	Bidder int64 `json:"bidder"`
	Bids   int64 `json:"bid_count"`
	Start  int64 `json:"starttime"`
	End    int64 `json:"endtime"`
}

func perWindow(w topology.Window, bidder, bids int64) (string, q12Result) {
	return strconv.FormatInt(bidder, 10), q12Result{bidder, bids, w.Start, w.End}
}
