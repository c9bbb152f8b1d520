package queries

import (
	"strconv"
	"time"

	"github.com/kolkstream/kolk/bench/nexmark"
	"github.com/kolkstream/kolk/topology"
)

// Query 23, expand bid with person and auction: the bids of people who have opened an auction, each
// with the person and every auction of theirs, whichever of the three comes first.
func q23(e allEvents, to string) {
	all := e.SelectKey(anyEvent.person).Repartition("person")
	people := all.Filter(anyEvent.isPerson).MapValues(anyEvent.somebody)
	sellers := all.Filter(anyEvent.isAuction).MapValues(anyEvent.auction).
		JoinWithin("sellers", people, known(), topology.Inner(selling))
	all.Filter(anyEvent.isBid).MapValues(anyEvent.bid).
		JoinWithin("bidders", sellers, known(), topology.Inner(dealing)).
		To(to)
}

// known is for how long it matters what somebody has done. At one event in a second the first bid
// and the last auction of a person are 28 hours apart.
func known() topology.JoinBounds { return topology.Within(48 * time.Hour).Grace(outOfOrder) }

// person is who has come, sells or bids.
func (e anyEvent) person() string {
	id := int64(0)
	switch e.Type {
	case nexmark.PersonEvent:
		id = e.Person.ID
	case nexmark.AuctionEvent:
		id = e.Auction.Seller
	default:
		id = e.Bid.Bidder
	}
	return strconv.FormatInt(id, 10)
}

func (e anyEvent) somebody() nexmark.Person { return *e.Person }

// listing is an auction with who has opened it.
type listing struct {
	Person  nexmark.Person  `json:"person"`
	Auction nexmark.Auction `json:"auction"`
}

func selling(a nexmark.Auction, p nexmark.Person) listing { return listing{p, a} }

type q23Result struct {
	Bidder          int64  `json:"bidder"`
	Price           int64  `json:"price"`
	Channel         string `json:"channel"`
	URL             string `json:"url"`
	BidExtra        string `json:"bid_extra"`
	PersonID        int64  `json:"person_id"`
	Name            string `json:"name"`
	EmailAddress    string `json:"emailAddress"`
	CreditCard      string `json:"creditCard"`
	City            string `json:"city"`
	State           string `json:"state"`
	PersonExtra     string `json:"person_extra"`
	ItemName        string `json:"itemName"`
	Description     string `json:"description"`
	InitialBid      int64  `json:"initialBid"`
	Reserve         int64  `json:"reserve"`
	AuctionDateTime int64  `json:"auction_dateTime"`
	Expires         int64  `json:"expires"`
	Seller          int64  `json:"seller"`
	Category        int64  `json:"category"`
	AuctionExtra    string `json:"auction_extra"`
}

func dealing(b nexmark.Bid, s listing) q23Result {
	p, a := &s.Person, &s.Auction
	return q23Result{
		b.Bidder, b.Price, b.Channel, b.URL, b.Extra,
		p.ID, p.Name, p.EmailAddress, p.CreditCard, p.City, p.State, p.Extra,
		a.ItemName, a.Description, a.InitialBid, a.Reserve, a.DateTime, a.Expires, a.Seller, a.Category, a.Extra,
	}
}
