package nexmark

// Person is somebody who registered. Times are milliseconds since 1970.
type Person struct {
	ID           int64  `json:"id"`
	Name         string `json:"name"`
	EmailAddress string `json:"emailAddress"`
	CreditCard   string `json:"creditCard"`
	City         string `json:"city"`
	State        string `json:"state"`
	DateTime     int64  `json:"dateTime"`
	Extra        string `json:"extra"`
}

// Auction is an item for sale. Prices are cents, times milliseconds since 1970.
type Auction struct {
	ID          int64  `json:"id"`
	ItemName    string `json:"itemName"`
	Description string `json:"description"`
	InitialBid  int64  `json:"initialBid"`
	Reserve     int64  `json:"reserve"`
	DateTime    int64  `json:"dateTime"`
	Expires     int64  `json:"expires"`
	Seller      int64  `json:"seller"` // a person's id
	Category    int64  `json:"category"`
	Extra       string `json:"extra"`
}

// Bid is an offer for an auction. Its price is in cents, its time in milliseconds since 1970.
type Bid struct {
	Auction  int64  `json:"auction"`
	Bidder   int64  `json:"bidder"` // a person's id, and 1000
	Price    int64  `json:"price"`
	Channel  string `json:"channel"`
	URL      string `json:"url"`
	DateTime int64  `json:"dateTime"`
	Extra    string `json:"extra"`
}

// Average sizes of events, as the original counts them: eight bytes for a number or a time, and the
// texts, of a bid the extra text alone.
const (
	personBytes  = 200
	auctionBytes = 500
	bidBytes     = 100
)

// Bid returns event n, which must be a bid. It does not allocate.
func (g *Generator) Bid(n int64) Bid {
	id := g.id(n)
	r := newRandom(g.seed, id)
	b := Bid{DateTime: g.time(id)}
	if r.below(hotAuction) > 0 {
		b.Auction = lastAuction(id) / hotGroup * hotGroup
	} else {
		b.Auction = anyAuction(id, &r)
	}
	b.Auction += firstAuction
	if r.below(hotBidder) > 0 {
		b.Bidder = lastPerson(id)/hotGroup*hotGroup + 1 // not the hot seller
	} else {
		b.Bidder = anyPerson(id, &r)
	}
	b.Bidder += firstPerson + bidderLead
	b.Price = r.price()
	from := g.channels
	if r.below(2) > 0 {
		from = g.hot
	}
	c := &from[r.below(int64(len(from)))]
	b.Channel, b.URL = c.name, c.url
	b.Extra = g.extra(&r, 4*8, bidBytes)
	return b
}

// Auction returns event n, which must be an auction. It does not allocate.
func (g *Generator) Auction(n int64) Auction {
	id := g.id(n)
	r := newRandom(g.seed, id)
	a := Auction{ID: lastAuction(id) + firstAuction, DateTime: g.time(id)}
	if r.below(hotSeller) > 0 {
		a.Seller = lastPerson(id) / hotGroup * hotGroup
	} else {
		a.Seller = anyPerson(id, &r)
	}
	a.Seller += firstPerson
	a.Category = firstCategory + r.below(categories)
	a.InitialBid = r.price()
	// On average an auction is open until as many others as are in flight have been opened.
	horizon := g.time(id+inFlight*epoch/auctions) - a.DateTime
	a.Expires = a.DateTime + 1 + r.below(max(2*horizon, 1))
	a.ItemName = g.text(&r, 20)
	a.Description = g.text(&r, 100)
	a.Reserve = a.InitialBid + r.price()
	a.Extra = g.extra(&r, 6*8+len(a.ItemName)+len(a.Description), auctionBytes)
	return a
}

// Person returns event n, which must be a person.
func (g *Generator) Person(n int64) Person {
	id := g.id(n)
	r := newRandom(g.seed, id)
	p := Person{ID: lastPerson(id) + firstPerson, DateTime: g.time(id)}
	p.Name = g.names[r.below(int64(len(g.names)))]
	p.EmailAddress = g.text(&r, 7) + "@" + g.text(&r, 5) + ".com"
	p.CreditCard = card(&r)
	p.City = g.cities[r.below(int64(len(g.cities)))]
	p.State = g.states[r.below(int64(len(g.states)))]
	p.Extra = g.extra(&r, 8+len(p.Name)+len(p.EmailAddress)+len(p.CreditCard)+len(p.City)+len(p.State), personBytes)
	return p
}

// card is four groups of four digits.
func card(r *random) string {
	var digits [19]byte
	for group := range 4 {
		at := 5 * group
		if group > 0 {
			digits[at-1] = ' '
		}
		n := r.below(10_000)
		for i := 3; i >= 0; i-- {
			digits[at+i] = byte('0' + n%10)
			n /= 10
		}
	}
	return string(digits[:])
}
