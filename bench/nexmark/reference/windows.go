package reference

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kolkstream/kolk/bench/nexmark"
)

// q5 yields the auctions with the most bids in each ten seconds that begin at an even second.
func q5(r run, yield func(Result)) {
	type window struct {
		bids map[int64]int64
		last int64
	}
	windows := map[int64]*window{}
	r.bids(func(b nexmark.Bid) {
		for start := b.DateTime / 2000 * 2000; start > b.DateTime-10_000; start -= 2000 {
			w := windows[start]
			if w == nil {
				w = &window{bids: map[int64]int64{}}
				windows[start] = w
			}
			w.bids[b.Auction]++
			w.last = max(w.last, b.DateTime)
		}
	})
	for start, w := range windows {
		most := int64(0)
		for _, n := range w.bids {
			most = max(most, n)
		}
		var hot []int64
		for auction, n := range w.bids {
			if n == most {
				hot = append(hot, auction)
			}
		}
		slices.Sort(hot)
		list := strings.ReplaceAll(fmt.Sprint(hot), " ", ",")
		yield(Result{
			Key:       strconv.AppendInt(nil, start+10_000, 10),
			Value:     fmt.Appendf(nil, `{"starttime":%d,"endtime":%d,"num":%d,"auctions":%s}`, start, start+10_000, most, list),
			Timestamp: w.last,
		})
	}
}

// q7 yields the bids of the highest price in each ten seconds.
func q7(r run, yield func(Result)) {
	type window struct {
		bids []nexmark.Bid
		last int64
	}
	windows := map[int64]window{}
	r.bids(func(b nexmark.Bid) {
		w := windows[b.DateTime/10_000]
		if len(w.bids) > 0 && b.Price > w.bids[0].Price {
			w.bids = nil
		}
		if len(w.bids) == 0 || b.Price == w.bids[0].Price {
			w.bids = append(w.bids, b)
		}
		w.last = max(w.last, b.DateTime)
		windows[b.DateTime/10_000] = w
	})
	for at, w := range windows {
		for _, b := range w.bids {
			yield(Result{
				Key:       strconv.AppendInt(nil, (at+1)*10_000, 10),
				Value:     fmt.Appendf(nil, `{"auction":%d,"price":%d,"bidder":%d,"dateTime":%d,"extra":"%s"}`, b.Auction, b.Price, b.Bidder, b.DateTime, b.Extra),
				Timestamp: w.last,
			})
		}
	}
}

// q8 yields the people who have opened an auction in the ten seconds in which they came.
func q8(r run, yield func(Result)) {
	people, last := r.people(), map[int64]int64{}
	for _, a := range r.auctions() {
		if p, ok := people[a.Seller]; ok && a.DateTime/10_000 == p.DateTime/10_000 {
			last[p.ID] = max(last[p.ID], a.DateTime, p.DateTime)
		}
	}
	for id, ts := range last {
		p := people[id]
		yield(Result{
			Key:       strconv.AppendInt(nil, id, 10),
			Value:     fmt.Appendf(nil, `{"id":%d,"name":"%s","starttime":%d}`, id, p.Name, p.DateTime/10_000*10_000),
			Timestamp: ts,
		})
	}
}

// q11 yields how many bids a bidder makes until a pause of more than ten seconds.
func q11(r run, yield func(Result)) {
	times := map[int64][]int64{}
	r.bids(func(b nexmark.Bid) { times[b.Bidder] = append(times[b.Bidder], b.DateTime) })
	for bidder, all := range times {
		slices.Sort(all)
		first := 0
		for i, ts := range all {
			if i+1 < len(all) && all[i+1]-ts <= 10_000 {
				continue
			}
			yield(Result{
				Key:       strconv.AppendInt(nil, bidder, 10),
				Value:     fmt.Appendf(nil, `{"bidder":%d,"bid_count":%d,"starttime":%d,"endtime":%d}`, bidder, i+1-first, all[first], ts+10_000),
				Timestamp: ts,
			})
			first = i + 1
		}
	}
}

// q12 yields how many bids a bidder makes in each ten seconds of the wall clock.
func q12(r run, yield func(Result)) {
	type window struct{ bidder, start int64 }
	type count struct{ bids, last int64 }
	windows := map[window]count{}
	for n := range r.events {
		if r.g.Kind(n) != nexmark.BidEvent {
			continue
		}
		now := r.clock(n)
		w := window{r.g.Bid(n).Bidder, now - now%10_000}
		windows[w] = count{windows[w].bids + 1, max(windows[w].last, now)}
	}
	for w, c := range windows {
		yield(Result{
			Key:       strconv.AppendInt(nil, w.bidder, 10),
			Value:     fmt.Appendf(nil, `{"bidder":%d,"bid_count":%d,"starttime":%d,"endtime":%d}`, w.bidder, c.bids, w.start, w.start+10_000),
			Timestamp: c.last,
		})
	}
}
