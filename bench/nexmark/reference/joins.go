package reference

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/kolkstream/kolk/bench/nexmark"
)

// auctions are all auctions, by id.
func (r run) auctions() map[int64]nexmark.Auction {
	all := map[int64]nexmark.Auction{}
	for n := range r.events {
		if r.g.Kind(n) == nexmark.AuctionEvent {
			a := r.g.Auction(n)
			all[a.ID] = a
		}
	}
	return all
}

// people are all people, by id.
func (r run) people() map[int64]nexmark.Person {
	all := map[int64]nexmark.Person{}
	for n := range r.events {
		if r.g.Kind(n) == nexmark.PersonEvent {
			p := r.g.Person(n)
			all[p.ID] = p
		}
	}
	return all
}

// q3 yields each auction of category 10 whose seller is from one of three states.
func q3(r run, yield func(Result)) {
	people := r.people()
	for _, a := range r.auctions() {
		p, ok := people[a.Seller]
		if !ok || a.Category != 10 || p.State != "OR" && p.State != "ID" && p.State != "CA" {
			continue
		}
		yield(Result{
			Key:       strconv.AppendInt(nil, a.ID, 10),
			Value:     fmt.Appendf(nil, `{"name":"%s","city":"%s","state":"%s","id":%d}`, p.Name, p.City, p.State, a.ID),
			Timestamp: max(a.DateTime, p.DateTime),
		})
	}
}

// won is the bid that has won an auction, and the time of the last one that was made for it.
type won struct {
	auction nexmark.Auction
	bid     nexmark.Bid
	last    int64
}

// won are the auctions for which a bid was made while they were open.
func (r run) won() map[int64]won {
	auctions, all := r.auctions(), map[int64]won{}
	r.bids(func(b nexmark.Bid) {
		a, ok := auctions[b.Auction]
		if !ok || b.DateTime < a.DateTime || b.DateTime > a.Expires {
			return
		}
		w, ok := all[a.ID]
		if !ok || b.Price > w.bid.Price || b.Price == w.bid.Price && b.DateTime < w.bid.DateTime {
			w.auction, w.bid = a, b
		}
		w.last = max(w.last, b.DateTime)
		all[a.ID] = w
	})
	return all
}

// q4 yields the average of the prices that won, for each category.
func q4(r run, yield func(Result)) {
	type prices struct{ n, sum, last int64 }
	categories := map[int64]prices{}
	for _, w := range r.won() {
		c := categories[w.auction.Category]
		categories[w.auction.Category] = prices{c.n + 1, c.sum + w.bid.Price, max(c.last, w.last)}
	}
	for id, c := range categories {
		yield(Result{strconv.AppendInt(nil, id, 10), fmt.Appendf(nil, `{"category":%d,"final":%d}`, id, c.sum/c.n), c.last})
	}
}

// q6 yields the average of the last eleven prices that won, for each seller.
func q6(r run, yield func(Result)) {
	sellers := map[int64][]won{}
	for _, w := range r.won() {
		sellers[w.auction.Seller] = append(sellers[w.auction.Seller], w)
	}
	for id, all := range sellers {
		slices.SortFunc(all, func(a, b won) int {
			return cmp.Or(cmp.Compare(a.bid.DateTime, b.bid.DateTime), cmp.Compare(a.auction.ID, b.auction.ID))
		})
		var n, sum, last int64
		for i, w := range all {
			if i >= len(all)-11 {
				n, sum = n+1, sum+w.bid.Price
			}
			last = max(last, w.last)
		}
		yield(Result{strconv.AppendInt(nil, id, 10), fmt.Appendf(nil, `{"seller":%d,"avg":%d}`, id, sum/n), last})
	}
}

// q9 yields the bid that has won, for each auction.
func q9(r run, yield func(Result)) {
	for id, w := range r.won() {
		a, b := w.auction, w.bid
		yield(Result{
			Key: strconv.AppendInt(nil, id, 10),
			Value: fmt.Appendf(nil, `{"id":%d,"itemName":"%s","description":"%s","initialBid":%d,"reserve":%d,"dateTime":%d,"expires":%d,"seller":%d,"category":%d,"extra":"%s","auction":%d,"bidder":%d,"price":%d,"bid_dateTime":%d,"bid_extra":"%s"}`,
				a.ID, a.ItemName, a.Description, a.InitialBid, a.Reserve, a.DateTime, a.Expires, a.Seller, a.Category, a.Extra, b.Auction, b.Bidder, b.Price, b.DateTime, b.Extra),
			Timestamp: w.last,
		})
	}
}

// q20 yields each bid for an auction of category 10.
func q20(r run, yield func(Result)) {
	auctions := r.auctions()
	r.bids(func(b nexmark.Bid) {
		a, ok := auctions[b.Auction]
		if !ok || a.Category != 10 {
			return
		}
		yield(Result{
			Key: strconv.AppendInt(nil, a.ID, 10),
			Value: fmt.Appendf(nil, `{"auction":%d,"bidder":%d,"price":%d,"channel":"%s","url":"%s","dateTime":%d,"extra":"%s","itemName":"%s","description":"%s","initialBid":%d,"reserve":%d,"auction_dateTime":%d,"expires":%d,"seller":%d,"category":%d,"auction_extra":"%s"}`,
				b.Auction, b.Bidder, b.Price, b.Channel, b.URL, b.DateTime, b.Extra, a.ItemName, a.Description, a.InitialBid, a.Reserve, a.DateTime, a.Expires, a.Seller, a.Category, a.Extra),
			Timestamp: max(a.DateTime, b.DateTime),
		})
	})
}

// q23 yields each bid of a person who has opened an auction, with each of these auctions.
func q23(r run, yield func(Result)) {
	people, of := r.people(), map[int64][]nexmark.Auction{}
	for _, a := range r.auctions() {
		of[a.Seller] = append(of[a.Seller], a)
	}
	r.bids(func(b nexmark.Bid) {
		p, ok := people[b.Bidder]
		if !ok {
			return
		}
		for _, a := range of[p.ID] {
			yield(Result{
				Key: strconv.AppendInt(nil, p.ID, 10),
				Value: fmt.Appendf(nil, `{"bidder":%d,"price":%d,"channel":"%s","url":"%s","bid_extra":"%s","person_id":%d,"name":"%s","emailAddress":"%s","creditCard":"%s","city":"%s","state":"%s","person_extra":"%s","itemName":"%s","description":"%s","initialBid":%d,"reserve":%d,"auction_dateTime":%d,"expires":%d,"seller":%d,"category":%d,"auction_extra":"%s"}`,
					b.Bidder, b.Price, b.Channel, b.URL, b.Extra, p.ID, p.Name, p.EmailAddress, p.CreditCard, p.City, p.State, p.Extra,
					a.ItemName, a.Description, a.InitialBid, a.Reserve, a.DateTime, a.Expires, a.Seller, a.Category, a.Extra),
				Timestamp: max(b.DateTime, p.DateTime, a.DateTime),
			})
		}
	})
}
