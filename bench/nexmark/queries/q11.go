package queries

import (
	"strconv"
	"time"

	"github.com/kolkstream/kolk/topology"
)

// Query 11, user sessions: how many bids a bidder makes until a pause of more than ten seconds.
func q11(e events, to string) {
	e.Filter(event.isBid).MapValues(bidderOf).
		GroupBy("bidder", bidderID.id).
		Window(topology.Sessions(pause).Grace(outOfOrder)).
		Count("bids").
		Final().
		StreamRecords(session).
		To(to)
}

const pause = 10 * time.Second

type bidderID struct {
	Bidder int64 `json:"bidder"`
}

func bidderOf(e event) bidderID { return bidderID{e.Bid.Bidder} }

func (b bidderID) id() int64 { return b.Bidder }

type q11Result struct {
	Bidder int64 `json:"bidder"`
	Bids   int64 `json:"bid_count"`
	Start  int64 `json:"starttime"`
	End    int64 `json:"endtime"` // of the pause, as in SQL
}

func session(w topology.Window, bidder, bids int64) (string, q11Result) {
	return strconv.FormatInt(bidder, 10), q11Result{bidder, bids, w.Start, w.End + pause.Milliseconds()}
}
