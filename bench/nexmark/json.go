package nexmark

import "strconv"

// Event is the value of a message: a person, an auction or a bid.
type Event struct {
	Type    Kind     `json:"event_type"`
	Person  *Person  `json:"person,omitempty"`
	Auction *Auction `json:"auction,omitempty"`
	Bid     *Bid     `json:"bid,omitempty"`
}

// Event returns event n.
func (g *Generator) Event(n int64) Event {
	e := Event{Type: g.Kind(n)}
	switch e.Type {
	case PersonEvent:
		p := g.Person(n)
		e.Person = &p
	case AuctionEvent:
		a := g.Auction(n)
		e.Auction = &a
	default:
		b := g.Bid(n)
		e.Bid = &b
	}
	return e
}

// AppendMessage appends the key and the value of event n's message to two slices, and returns them.
//
// The key is the id of the person, or of the auction, also of a bid, as text: an auction and its
// bids are in one partition, in the order in which they happened. The value is the [Event] as JSON.
func (g *Generator) AppendMessage(key, value []byte, n int64) (k, v []byte) {
	switch g.Kind(n) {
	case PersonEvent:
		p := g.Person(n)
		return strconv.AppendInt(key, p.ID, 10), append(p.appendJSON(append(value, `{"event_type":0,"person":`...)), '}')
	case AuctionEvent:
		a := g.Auction(n)
		return strconv.AppendInt(key, a.ID, 10), append(a.appendJSON(append(value, `{"event_type":1,"auction":`...)), '}')
	default:
		b := g.Bid(n)
		return strconv.AppendInt(key, b.Auction, 10), append(b.appendJSON(append(value, `{"event_type":2,"bid":`...)), '}')
	}
}

func (p *Person) appendJSON(dst []byte) []byte {
	dst = appendNumber(append(dst, '{'), "id", p.ID)
	dst = appendString(append(dst, ','), "name", p.Name)
	dst = appendString(append(dst, ','), "emailAddress", p.EmailAddress)
	dst = appendString(append(dst, ','), "creditCard", p.CreditCard)
	dst = appendString(append(dst, ','), "city", p.City)
	dst = appendString(append(dst, ','), "state", p.State)
	dst = appendNumber(append(dst, ','), "dateTime", p.DateTime)
	dst = appendString(append(dst, ','), "extra", p.Extra)
	return append(dst, '}')
}

func (a *Auction) appendJSON(dst []byte) []byte {
	dst = appendNumber(append(dst, '{'), "id", a.ID)
	dst = appendString(append(dst, ','), "itemName", a.ItemName)
	dst = appendString(append(dst, ','), "description", a.Description)
	dst = appendNumber(append(dst, ','), "initialBid", a.InitialBid)
	dst = appendNumber(append(dst, ','), "reserve", a.Reserve)
	dst = appendNumber(append(dst, ','), "dateTime", a.DateTime)
	dst = appendNumber(append(dst, ','), "expires", a.Expires)
	dst = appendNumber(append(dst, ','), "seller", a.Seller)
	dst = appendNumber(append(dst, ','), "category", a.Category)
	dst = appendString(append(dst, ','), "extra", a.Extra)
	return append(dst, '}')
}

func (b *Bid) appendJSON(dst []byte) []byte {
	dst = appendNumber(append(dst, '{'), "auction", b.Auction)
	dst = appendNumber(append(dst, ','), "bidder", b.Bidder)
	dst = appendNumber(append(dst, ','), "price", b.Price)
	dst = appendString(append(dst, ','), "channel", b.Channel)
	dst = appendString(append(dst, ','), "url", b.URL)
	dst = appendNumber(append(dst, ','), "dateTime", b.DateTime)
	dst = appendString(append(dst, ','), "extra", b.Extra)
	return append(dst, '}')
}

func appendNumber(dst []byte, name string, n int64) []byte {
	return strconv.AppendInt(appendName(dst, name), n, 10)
}

// appendString appends a text of this package, none of which has a character that JSON writes in
// another way.
func appendString(dst []byte, name, text string) []byte {
	dst = append(appendName(dst, name), '"')
	return append(append(dst, text...), '"')
}

func appendName(dst []byte, name string) []byte {
	return append(append(append(dst, '"'), name...), `":`...)
}
