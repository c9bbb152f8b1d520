package nexmark

import (
	"math"
	"strings"
	"testing"
)

// TestPricesAreExact makes sure that no price lies so close to a half that machines could round it
// differently.
func TestPricesAreExact(t *testing.T) {
	for step := range uint64(1 << priceBits) {
		p := exactPrice(step)
		if _, rest := math.Modf(p); math.Abs(rest-0.5) < 1e-7 {
			t.Errorf("price %d is %.12f", step, p)
		}
	}
	if priceAt(0) != 100 || priceAt(1<<(priceBits-1)) != 100_000 {
		t.Errorf("prices: %d, %d", priceAt(0), priceAt(1<<(priceBits-1)))
	}
}

// TestDistributions counts what the definition says, over a million events.
func TestDistributions(t *testing.T) {
	g, err := New(Config{Seed: 11})
	if err != nil {
		t.Fatal(err)
	}
	const total = 1_000_000
	var (
		kinds                                    [3]float64
		hotAuctions, hotBidders, hotSellers      float64
		hotChannels, withID, cheap, middle       float64
		personSize, auctionSize, bidSize, length float64
		category                                 [categories]float64
	)
	for n := range int64(total) {
		k := g.Kind(n)
		kinds[k]++
		switch k {
		case PersonEvent:
			p := g.Person(n)
			personSize += float64(8 + len(p.Name) + len(p.EmailAddress) + len(p.CreditCard) + len(p.City) + len(p.State) + len(p.Extra))
		case AuctionEvent:
			a := g.Auction(n)
			if a.Seller == lastPerson(n)/100*100+1000 {
				hotSellers++
			}
			auctionSize += float64(48 + len(a.ItemName) + len(a.Description) + len(a.Extra))
			category[a.Category-10]++
			length += float64(a.Expires - a.DateTime)
		default:
			b := g.Bid(n)
			if b.Auction == lastAuction(n)/100*100+1000 {
				hotAuctions++
			}
			if b.Bidder == lastPerson(n)/100*100+2001 {
				hotBidders++
			}
			if !strings.HasPrefix(b.Channel, "channel-") {
				hotChannels++
			}
			if strings.Contains(b.URL, "&channel_id=") {
				withID++
			}
			switch {
			case b.Price < 10_000:
				cheap++
			case b.Price < 1_000_000:
				middle++
			}
			bidSize += float64(32 + len(b.Extra))
		}
	}
	if kinds != [3]float64{20_000, 60_000, 920_000} {
		t.Errorf("people, auctions, bids: %v", kinds)
	}
	near := func(what string, got, want, tolerance float64) {
		t.Helper()
		if math.Abs(got-want) > tolerance {
			t.Errorf("%s: %.4f, want %.4f", what, got, want)
		}
	}
	bids, auctions := kinds[BidEvent], kinds[AuctionEvent]
	// and some that hit it by chance
	near("bids for the hot auction", hotAuctions/bids, 0.5, 0.01)
	near("bids by the hot bidder", hotBidders/bids, 0.75, 0.005)         // likewise
	near("auctions by the hot seller", hotSellers/auctions, 0.75, 0.008) // likewise
	near("bids from hot channels", hotChannels/bids, 0.5, 0.003)
	near("bids with a channel_id", withID/bids, 0.45, 0.006)
	near("prices below 10,000", cheap/bids, 1./3, 0.003)
	near("prices from 10,000 to 1,000,000", middle/bids, 1./3, 0.003)
	near("bytes of a person", personSize/kinds[PersonEvent], 200, 1)
	near("bytes of an auction", auctionSize/auctions, 500, 2)
	near("bytes of a bid", bidSize/bids, 100, 0.5)
	for c, n := range category {
		near("auctions of a category "+string(rune('0'+c)), n/auctions, 0.2, 0.006)
	}
	// 100 auctions are 1,666 events, which are 166 ms.
	near("ms of an auction", length/auctions, 167, 3)
}

// FuzzEvents holds what is true of every event of every run.
func FuzzEvents(f *testing.F) {
	f.Add(uint64(1), int64(0), int64(10_000), int64(1))
	f.Add(uint64(2), int64(4), int64(1), int64(100))
	f.Add(uint64(3), int64(999_999_999), int64(10_000_000), int64(7))
	f.Add(uint64(math.MaxUint64), int64(1<<40), int64(3), int64(1<<20))
	var g *Generator
	f.Fuzz(func(t *testing.T, seed uint64, n, rate, group int64) {
		n, rate, group = n&(1<<40-1), rate&(1<<24-1)+1, group&(1<<20-1)+1
		if group%stride == 0 {
			group++
		}
		if g == nil { // a generator's texts take a while
			var err error
			if g, err = New(Config{Seed: seed}); err != nil {
				t.Fatal(err)
			}
		}
		h := *g
		h.seed, h.rate, h.outOfOrder = seed, rate, group
		id := h.id(n)
		if id/group != n/group {
			t.Fatalf("event %d is %d in order, groups of %d", n, id, group)
		}
		people, auctions := lastPerson(id)+1, lastAuction(id)+1
		person := func(what string, id int64) {
			if id < max(people-1000, 0) || id >= people+10 {
				t.Errorf("event %d: %s %d, of %d people", n, what, id, people)
			}
		}
		inTexts := func(text string) {
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
				t.Errorf("event %d: %q has to be escaped", n, text)
			}
		}
		switch e := h.Event(n); e.Type {
		case PersonEvent:
			p := e.Person
			if p.ID != 999+people || p.DateTime != h.Time(n) || len(p.CreditCard) != 19 {
				t.Errorf("event %d: %+v", n, p)
			}
			inTexts(p.Name + p.EmailAddress + p.CreditCard + p.City + p.State + p.Extra)
		case AuctionEvent:
			a := e.Auction
			if a.ID != 999+auctions || a.DateTime != h.Time(n) || a.Expires <= a.DateTime || a.Reserve < a.InitialBid+100 || a.InitialBid < 100 || a.Category < 10 || a.Category > 14 {
				t.Errorf("event %d: %+v", n, a)
			}
			person("seller", a.Seller-1000)
			inTexts(a.ItemName + a.Description + a.Extra)
		default:
			b := e.Bid
			if b.DateTime != h.Time(n) || b.Price < 100 || b.Price > 100_000_000 || len(strings.Split(b.URL, "/")) != 7 {
				t.Errorf("event %d: %+v", n, b)
			}
			if id := b.Auction - 1000; id < max(auctions-101, 0) || id >= auctions+10 {
				t.Errorf("event %d: auction %d, of %d", n, id, auctions)
			}
			person("bidder", b.Bidder-2000)
			inTexts(b.Channel + b.URL + b.Extra)
		}
	})
}
