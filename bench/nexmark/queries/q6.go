package queries

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/kolkstream/kolk/bench/nexmark"
)

// Query 6, average selling price by seller: of the last eleven of a seller's auctions, by the time
// of the bids that won them. A higher bid takes the one before out of the average.
func q6(e allEvents, to string) {
	offers(e, sale).MapValues(offer[q6Sale].of).
		GroupByKey().
		Reduce("winning-bids", higher).
		MapValues(q6Sale.one).
		GroupBy("seller", q6Sales.seller).
		Reduce("sellers", q6Sales.plus, q6Sales.minus).
		Filter(q6Sales.any).
		MapValues(q6Sales.average).
		ToStream().
		To(to)
}

type q6Sale struct {
	Seller   int64 `json:"seller"`
	Auction  int64 `json:"auction"`
	Price    int64 `json:"price"`
	DateTime int64 `json:"dateTime"`
}

func sale(b nexmark.Bid, a nexmark.Auction) q6Sale {
	return q6Sale{a.Seller, a.ID, b.Price, b.DateTime}
}

// higher is the bid that wins: of those of the same price the earliest.
func higher(last, next q6Sale) q6Sale {
	if next.Price > last.Price || next.Price == last.Price && next.DateTime < last.DateTime {
		return next
	}
	return last
}

func (s q6Sale) one() q6Sales { return q6Sales{s.Seller, []q6Sale{s}} }

type q6Sales struct {
	Seller int64    `json:"seller"`
	Sales  []q6Sale `json:"sales"`
}

func (s q6Sales) seller() string { return strconv.FormatInt(s.Seller, 10) }
func (s q6Sales) any() bool      { return len(s.Sales) > 0 }

func (s q6Sales) plus(o q6Sales) q6Sales { return q6Sales{s.Seller, slices.Concat(s.Sales, o.Sales)} }

func (s q6Sales) minus(o q6Sales) q6Sales {
	return q6Sales{s.Seller, slices.DeleteFunc(slices.Clone(s.Sales), func(x q6Sale) bool { return slices.Contains(o.Sales, x) })}
}

type q6Result struct {
	Seller  int64 `json:"seller"`
	Average int64 `json:"avg"` // a whole number, as the average of whole numbers is in SQL
}

func (s q6Sales) average() q6Result {
	last := slices.SortedFunc(slices.Values(s.Sales), func(a, b q6Sale) int {
		return cmp.Or(cmp.Compare(b.DateTime, a.DateTime), cmp.Compare(b.Auction, a.Auction))
	})
	last = last[:min(len(last), 11)]
	sum := int64(0)
	for _, x := range last {
		sum += x.Price
	}
	return q6Result{s.Seller, sum / int64(len(last))}
}
