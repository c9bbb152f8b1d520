package queries

import (
	"regexp"
	"strings"
)

// Query 21, add channel id: the bids whose channel has an id, by its name or by the URL.
func q21(e events, to string) {
	ids := channelIDs{regexp.MustCompile(`(&|^)channel_id=([^&]*)`)}
	e.Filter(event.isBid).MapValues(ids.add).Filter(q21Result.identified).To(to)
}

type channelIDs struct{ inURL *regexp.Regexp }

type q21Result struct {
	Auction   int64   `json:"auction"`
	Bidder    int64   `json:"bidder"`
	Price     int64   `json:"price"`
	Channel   string  `json:"channel"`
	ChannelID *string `json:"channel_id"`
}

func (r q21Result) identified() bool { return r.ChannelID != nil }

func (c channelIDs) add(e event) q21Result {
	b := e.Bid
	r := q21Result{Auction: b.Auction, Bidder: b.Bidder, Price: b.Price, Channel: b.Channel}
	switch strings.ToLower(b.Channel) {
	case "apple":
		r.ChannelID = new("0")
	case "google":
		r.ChannelID = new("1")
	case "facebook":
		r.ChannelID = new("2")
	case "baidu":
		r.ChannelID = new("3")
	default:
		if m := c.inURL.FindStringSubmatch(b.URL); m != nil {
			r.ChannelID = &m[2]
		}
	}
	return r
}
