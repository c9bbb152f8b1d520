// Package reference computes what the queries of Nexmark must yield, by plain loops over the
// generator's events. It shares no code with the queries: neither their types nor how they write
// JSON.
package reference

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kolkstream/kolk/bench/nexmark"
)

// Result is a message that a query must have written. The bytes are valid until the next one.
type Result struct {
	Key, Value []byte
	Timestamp  int64 // ms
}

// query is the loop that yields a query's results.
type query struct {
	// latest says that the last result of each key counts, and that those before it are nobody's
	// business. Otherwise there is exactly one message for each result.
	latest bool
	loop   func(run, func(Result))
}

// Clock tells what the wall clock shows while event n is processed, in milliseconds since 1970.
// Only q12 asks it.
type Clock func(n int64) int64

// run is the events that are there.
type run struct {
	g      *nexmark.Generator
	events int64
	clock  Clock
}

// Queries returns the names of the queries whose results are known.
func Queries() []string {
	return []string{
		"q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q11", "q12", "q13", "q14", "q15", "q16", "q17", "q18", "q19", "q20", "q21",
		"q22", "q23",
	}
}

func find(name string) (query, error) {
	switch name {
	case "q0":
		return query{loop: perBid(q0)}, nil
	case "q1":
		return query{loop: perBid(q1)}, nil
	case "q2":
		return query{loop: perBid(q2)}, nil
	case "q3":
		return query{loop: q3, latest: true}, nil
	case "q4":
		return query{loop: q4, latest: true}, nil
	case "q5":
		return query{loop: q5, latest: true}, nil
	case "q6":
		return query{loop: q6, latest: true}, nil
	case "q7":
		return query{loop: q7}, nil
	case "q8":
		return query{loop: q8}, nil
	case "q9":
		return query{loop: q9, latest: true}, nil
	case "q11":
		return query{loop: q11}, nil
	case "q12":
		return query{loop: q12}, nil
	case "q13":
		return query{loop: perBid(q13)}, nil
	case "q14":
		return query{loop: perBid(q14)}, nil
	case "q15":
		return query{loop: q15, latest: true}, nil
	case "q16":
		return query{loop: q16, latest: true}, nil
	case "q17":
		return query{loop: q17, latest: true}, nil
	case "q18":
		return query{loop: q18, latest: true}, nil
	case "q19":
		return query{loop: q19, latest: true}, nil
	case "q20":
		return query{loop: q20}, nil
	case "q21":
		return query{loop: perBid(q21)}, nil
	case "q22":
		return query{loop: perBid(q22)}, nil
	case "q23":
		return query{loop: q23}, nil
	}
	return query{}, fmt.Errorf("there is no query %q; there are %s", name, strings.Join(Queries(), ", "))
}

// bids calls fn with each bid, in the order in which they come.
func (r run) bids(fn func(nexmark.Bid)) {
	for n := range r.events {
		if r.g.Kind(n) == nexmark.BidEvent {
			fn(r.g.Bid(n))
		}
	}
}

// perBid is the loop of a query that makes at most one result of each bid: nothing, or a value
// appended to dst.
func perBid(value func(dst []byte, b nexmark.Bid) []byte) func(run, func(Result)) {
	return func(r run, yield func(Result)) {
		var k, v []byte
		r.bids(func(b nexmark.Bid) {
			if v = value(v[:0], b); len(v) > 0 {
				k = strconv.AppendInt(k[:0], b.Auction, 10)
				yield(Result{k, v, b.DateTime})
			}
		})
	}
}

func q0(dst []byte, b nexmark.Bid) []byte {
	return fmt.Appendf(dst, `{"auction":%d,"bidder":%d,"price":%d,"dateTime":%d,"extra":"%s"}`, b.Auction, b.Bidder, b.Price, b.DateTime, b.Extra)
}

func q1(dst []byte, b nexmark.Bid) []byte {
	return fmt.Appendf(dst, `{"auction":%d,"bidder":%d,"price":%s,"dateTime":%d,"extra":"%s"}`, b.Auction, b.Bidder, thousandths(b.Price*908), b.DateTime, b.Extra)
}

func q2(dst []byte, b nexmark.Bid) []byte {
	if b.Auction%123 != 0 {
		return dst
	}
	return fmt.Appendf(dst, `{"auction":%d,"price":%d}`, b.Auction, b.Price)
}

func q13(dst []byte, b nexmark.Bid) []byte {
	// The side input has a row for each remainder, whose value is its key.
	return fmt.Appendf(dst, `{"auction":%d,"bidder":%d,"price":%d,"dateTime":%d,"value":"%d"}`, b.Auction, b.Bidder, b.Price, b.DateTime, b.Auction%10_000)
}

func q14(dst []byte, b nexmark.Bid) []byte {
	// 0.908 * price is between 1,000,000 and 50,000,000.
	if b.Price*908 <= 1_000_000_000 || b.Price*908 >= 50_000_000_000 {
		return dst
	}
	kind := "otherTime" // 7:00 to 7:59, and 19:00 to 19:59
	switch b.DateTime / 3_600_000 % 24 {
	case 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18:
		kind = "dayTime"
	case 20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6:
		kind = "nightTime"
	}
	cs := 0
	for _, c := range b.Extra {
		if c == 'c' {
			cs++
		}
	}
	return fmt.Appendf(dst, `{"auction":%d,"bidder":%d,"price":%s,"bidTimeType":"%s","dateTime":%d,"extra":"%s","c_counts":%d}`,
		b.Auction, b.Bidder, thousandths(b.Price*908), kind, b.DateTime, b.Extra, cs)
}

// q17 yields a result for each auction and day. Its time is that of the last bid in it.
func q17(r run, yield func(Result)) {
	type group struct {
		auction, day int64
	}
	type stats struct {
		n, low, mid, high, min, max, sum, last int64
	}
	groups := map[group]*stats{}
	r.bids(func(b nexmark.Bid) {
		at := group{b.Auction, b.DateTime / 86_400_000}
		s := groups[at]
		if s == nil {
			s = &stats{min: b.Price}
			groups[at] = s
		}
		s.n++
		if b.Price < 10_000 {
			s.low++
		}
		if b.Price >= 10_000 && b.Price < 1_000_000 {
			s.mid++
		}
		if b.Price >= 1_000_000 {
			s.high++
		}
		s.min, s.max, s.last = min(s.min, b.Price), max(s.max, b.Price), max(s.last, b.DateTime)
		s.sum += b.Price
	})
	for at, s := range groups {
		day := time.Unix(at.day*86_400, 0).UTC().Format("2006-01-02")
		yield(Result{
			Key: fmt.Appendf(nil, "%d %s", at.auction, day),
			Value: fmt.Appendf(nil, `{"auction":%d,"day":"%s","total_bids":%d,"rank1_bids":%d,"rank2_bids":%d,"rank3_bids":%d,"min_price":%d,"max_price":%d,"avg_price":%d,"sum_price":%d}`,
				at.auction, day, s.n, s.low, s.mid, s.high, s.min, s.max, s.sum/s.n, s.sum),
			Timestamp: s.last,
		})
	}
}

// q18 yields the last bid of each bidder for each auction; the one that came last, if several have
// the same time.
func q18(r run, yield func(Result)) {
	type group struct {
		bidder, auction int64
	}
	last := map[group]nexmark.Bid{}
	r.bids(func(b nexmark.Bid) {
		at := group{b.Bidder, b.Auction}
		if before, ok := last[at]; !ok || b.DateTime >= before.DateTime {
			last[at] = b
		}
	})
	var k, v []byte
	for at, b := range last {
		k = fmt.Appendf(k[:0], "%d %d", at.bidder, at.auction)
		v = fmt.Appendf(v[:0], `{"auction":%d,"bidder":%d,"price":%d,"channel":"%s","url":"%s","dateTime":%d,"extra":"%s"}`,
			b.Auction, b.Bidder, b.Price, b.Channel, b.URL, b.DateTime, b.Extra)
		yield(Result{k, v, b.DateTime})
	}
}

func q21(dst []byte, b nexmark.Bid) []byte {
	id, ok := "", true
	switch b.Channel {
	case "Apple":
		id = "0"
	case "Google":
		id = "1"
	case "Facebook":
		id = "2"
	case "Baidu":
		id = "3"
	default:
		_, id, ok = strings.Cut(b.URL, "&channel_id=") // nothing follows it
	}
	if !ok {
		return dst
	}
	return fmt.Appendf(dst, `{"auction":%d,"bidder":%d,"price":%d,"channel":"%s","channel_id":"%s"}`, b.Auction, b.Bidder, b.Price, b.Channel, id)
}

func q22(dst []byte, b nexmark.Bid) []byte {
	// https://www.nexmark.com/a/b/c/item.htm?query=1
	rest := b.URL[len("https://www.nexmark.com/"):]
	one, rest, _ := strings.Cut(rest, "/")
	two, rest, _ := strings.Cut(rest, "/")
	three, _, _ := strings.Cut(rest, "/")
	return fmt.Appendf(dst, `{"auction":%d,"bidder":%d,"price":%d,"channel":"%s","dir1":"%s","dir2":"%s","dir3":"%s"}`,
		b.Auction, b.Bidder, b.Price, b.Channel, one, two, three)
}

// thousandths writes n/1000 as a decimal without needless zeros.
func thousandths(n int64) string {
	whole, rest := n/1000, n%1000
	if rest == 0 {
		return strconv.FormatInt(whole, 10)
	}
	return strings.TrimRight(fmt.Sprintf("%d.%03d", whole, rest), "0")
}
