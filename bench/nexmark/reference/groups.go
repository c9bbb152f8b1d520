package reference

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/kolkstream/kolk/bench/nexmark"
)

// day has the sets whose sizes q15 and q16 count: the first of each is of all bids, the others are
// by price.
type day struct {
	bids              [4]int64
	bidders, auctions [4]map[int64]bool
	last              int64
}

func newDay() *day {
	d := new(day)
	for i := range 4 {
		d.bidders[i], d.auctions[i] = map[int64]bool{}, map[int64]bool{}
	}
	return d
}

func (d *day) add(b nexmark.Bid) {
	rank := 3
	if b.Price < 10_000 {
		rank = 1
	} else if b.Price < 1_000_000 {
		rank = 2
	}
	for _, i := range []int{0, rank} {
		d.bids[i]++
		d.bidders[i][b.Bidder], d.auctions[i][b.Auction] = true, true
	}
	d.last = max(d.last, b.DateTime)
}

// counts are the fields that q15 and q16 have in common.
func (d *day) counts() string {
	return fmt.Sprintf(`"total_bids":%d,"rank1_bids":%d,"rank2_bids":%d,"rank3_bids":%d,"total_bidders":%d,"rank1_bidders":%d,"rank2_bidders":%d,"rank3_bidders":%d,"total_auctions":%d,"rank1_auctions":%d,"rank2_auctions":%d,"rank3_auctions":%d`,
		d.bids[0], d.bids[1], d.bids[2], d.bids[3],
		len(d.bidders[0]), len(d.bidders[1]), len(d.bidders[2]), len(d.bidders[3]),
		len(d.auctions[0]), len(d.auctions[1]), len(d.auctions[2]), len(d.auctions[3]))
}

// date is the day of a time, and clock its hour and minute.
func date(ms int64) string  { return time.UnixMilli(ms).UTC().Format("2006-01-02") }
func clock(ms int64) string { return time.UnixMilli(ms).UTC().Format("15:04") }

// q15 yields the counts of each day.
func q15(r run, yield func(Result)) {
	days := map[string]*day{}
	r.bids(func(b nexmark.Bid) {
		at := date(b.DateTime)
		if days[at] == nil {
			days[at] = newDay()
		}
		days[at].add(b)
	})
	for at, d := range days {
		yield(Result{[]byte(at), fmt.Appendf(nil, `{"day":"%s",%s}`, at, d.counts()), d.last})
	}
}

// q16 yields the counts of each channel and day, and the minute of the last bid of the day.
func q16(r run, yield func(Result)) {
	type group struct{ channel, date string }
	days := map[group]*day{}
	r.bids(func(b nexmark.Bid) {
		at := group{b.Channel, date(b.DateTime)}
		if days[at] == nil {
			days[at] = newDay()
		}
		days[at].add(b)
	})
	for at, d := range days {
		yield(Result{
			Key:       []byte(at.channel + " " + at.date),
			Value:     fmt.Appendf(nil, `{"channel":"%s","day":"%s","minute":"%s",%s}`, at.channel, at.date, clock(d.last), d.counts()),
			Timestamp: d.last,
		})
	}
}

// q19 yields the ten highest bids for each auction. Of those of the same price the one whose JSON
// comes first is the first.
func q19(r run, yield func(Result)) {
	type bid struct {
		price int64
		json  []byte
	}
	type auction struct {
		bids []bid
		last int64
	}
	auctions := map[int64]auction{}
	r.bids(func(b nexmark.Bid) {
		a := auctions[b.Auction]
		a.bids = append(a.bids, bid{b.Price, fmt.Appendf(nil, `{"auction":%d,"bidder":%d,"price":%d,"channel":"%s","url":"%s","dateTime":%d,"extra":"%s"}`,
			b.Auction, b.Bidder, b.Price, b.Channel, b.URL, b.DateTime, b.Extra)})
		a.last = max(a.last, b.DateTime)
		auctions[b.Auction] = a
	})
	for id, a := range auctions {
		slices.SortFunc(a.bids, func(x, y bid) int { return cmp.Or(cmp.Compare(y.price, x.price), bytes.Compare(x.json, y.json)) })
		var list [][]byte
		for _, b := range a.bids[:min(10, len(a.bids))] {
			list = append(list, b.json)
		}
		yield(Result{
			Key:       strconv.AppendInt(nil, id, 10),
			Value:     fmt.Appendf(nil, `{"auction":%d,"bids":[%s]}`, id, bytes.Join(list, []byte(","))),
			Timestamp: a.last,
		})
	}
}
