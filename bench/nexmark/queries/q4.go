package queries

import (
	"strconv"

	"github.com/kolkstream/kolk/bench/nexmark"
)

// Query 4, average price for a category: of the highest bids of its auctions. A higher bid takes
// the one before out of the average.
func q4(e allEvents, to string) {
	offers(e, priced).MapValues(offer[finalPrice].of).
		GroupByKey().
		Reduce("final-prices", dearer).
		MapValues(finalPrice.one).
		GroupBy("category", finalPrices.category).
		Reduce("categories", finalPrices.plus, finalPrices.minus).
		Filter(finalPrices.any).
		MapValues(finalPrices.average).
		ToStream().
		To(to)
}

type finalPrice struct {
	Category int64 `json:"category"`
	Price    int64 `json:"price"`
}

func priced(b nexmark.Bid, a nexmark.Auction) finalPrice { return finalPrice{a.Category, b.Price} }

func dearer(last, next finalPrice) finalPrice {
	if next.Price > last.Price {
		return next
	}
	return last
}

func (f finalPrice) one() finalPrices { return finalPrices{f.Category, 1, f.Price} }

type finalPrices struct {
	Category int64 `json:"category"`
	Auctions int64 `json:"auctions"`
	Sum      int64 `json:"sum"`
}

func (f finalPrices) category() string { return strconv.FormatInt(f.Category, 10) }
func (f finalPrices) any() bool        { return f.Auctions > 0 }

func (f finalPrices) plus(o finalPrices) finalPrices {
	return finalPrices{f.Category, f.Auctions + o.Auctions, f.Sum + o.Sum}
}

func (f finalPrices) minus(o finalPrices) finalPrices {
	return finalPrices{f.Category, f.Auctions - o.Auctions, f.Sum - o.Sum}
}

type q4Result struct {
	Category int64 `json:"category"`
	Final    int64 `json:"final"` // a whole number, as the average of whole numbers is in SQL
}

func (f finalPrices) average() q4Result { return q4Result{f.Category, f.Sum / f.Auctions} }
