package queries

import (
	"time"

	"github.com/kolkstream/kolk/bench/nexmark"
	"github.com/kolkstream/kolk/topology"
)

// openFor is how long auctions are open at most. At one event in a second they are open for less
// than 56 minutes.
const openFor = time.Hour

// offers are the bids that were made while their auctions were open, each with its auction.
func offers[R any](e allEvents, of func(nexmark.Bid, nexmark.Auction) R) topology.Stream[string, offer[R]] {
	auctions := e.Filter(anyEvent.isAuction).MapValues(anyEvent.auction)
	return e.Filter(anyEvent.isBid).MapValues(anyEvent.bid).
		JoinWithin("open-auctions", auctions, topology.Within(0).Before(openFor).Grace(outOfOrder), topology.Inner(func(b nexmark.Bid, a nexmark.Auction) offer[R] {
			return offer[R]{Expired: b.DateTime > a.Expires, Of: of(b, a)}
		})).
		FilterNot(offer[R].expired)
}

type offer[R any] struct {
	Expired bool `json:"expired"`
	Of      R    `json:"of"`
}

func (o offer[R]) expired() bool { return o.Expired }
func (o offer[R]) of() R         { return o.Of }
