package nexmark

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what an event is. Its numbers are those of the field event_type.
type Kind uint8

// The kinds of events.
const (
	PersonEvent Kind = iota
	AuctionEvent
	BidEvent
)

// String returns "person", "auction" or "bid".
func (k Kind) String() string {
	switch k {
	case PersonEvent:
		return "person"
	case AuctionEvent:
		return "auction"
	case BidEvent:
		return "bid"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// The numbers that make Nexmark what it is. An epoch is one person, three auctions and 46 bids.
const (
	people   = 1
	auctions = 3
	epoch    = 50

	firstPerson   = 1000
	firstAuction  = 1000
	firstCategory = 10
	categories    = 5

	hotGroup   = 100  // so many people, or auctions, have one hot one among them
	hotAuction = 2    // one of so many bids is not for the hot auction
	hotSeller  = 4    // one of so many auctions is not by the hot seller
	hotBidder  = 4    // one of so many bids is not by the hot bidder
	inFlight   = 100  // auctions that bids are made for
	active     = 1000 // people that bid and sell
	lead       = 10   // people and auctions that are used before they exist
	bidderLead = 1000 // what the ids of bidders are too large by
)

// Config says which events there are.
type Config struct {
	// Seed of everything that is drawn. Ids of new people and auctions, and times, do not depend on
	// it.
	Seed uint64
	// Base is the time of the first event, of which whole milliseconds count. Default:
	// [DefaultBase].
	Base time.Time
	// Rate is how many events happen in a second of event time. Default: [DefaultRate].
	Rate int64
	// OutOfOrder is the length of the groups within which events are shuffled. Default: 1, which is
	// in order. It must not be a multiple of 953, the stride of the shuffle.
	OutOfOrder int64
}

// DefaultRate is a [Config.Rate] at which windows of seconds turn over within a run of some million
// events.
const DefaultRate = 10_000

// DefaultBase is the time of the first event unless a [Config] says otherwise: 2026-01-01, midnight
// UTC.
func DefaultBase() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// Generator generates events. It does not change: any number of goroutines may use it. It holds
// about 5 MiB of texts.
type Generator struct {
	seed             uint64
	base             int64 // ms
	rate, outOfOrder int64
	texts
}

// New returns a generator, or all that is wrong with the configuration.
func New(c Config) (*Generator, error) {
	if c.Base.IsZero() {
		c.Base = DefaultBase()
	}
	if c.Rate == 0 {
		c.Rate = DefaultRate
	}
	if c.OutOfOrder == 0 {
		c.OutOfOrder = 1
	}
	var errs []error
	if c.Base.UnixMilli() < 0 {
		errs = append(errs, fmt.Errorf("nexmark: the first event is at %v, before 1970", c.Base))
	}
	if c.Rate < 0 {
		errs = append(errs, fmt.Errorf("nexmark: %d events in a second", c.Rate))
	}
	switch {
	case c.OutOfOrder < 0:
		errs = append(errs, fmt.Errorf("nexmark: out of order within %d events", c.OutOfOrder))
	case c.OutOfOrder%stride == 0:
		errs = append(errs, fmt.Errorf("nexmark: out of order within %d events: a multiple of %d would repeat some and leave out others", c.OutOfOrder, stride))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Generator{seed: c.Seed, base: c.Base.UnixMilli(), rate: c.Rate, outOfOrder: c.OutOfOrder, texts: newTexts(c.Seed)}, nil
}

// stride is the distance, in order, of events that follow each other out of order.
const stride = 953

// id is the number that event n would have in order. Everything about the event follows from it.
func (g *Generator) id(n int64) int64 {
	if g.outOfOrder == 1 {
		return n
	}
	return n/g.outOfOrder*g.outOfOrder + n%g.outOfOrder*stride%g.outOfOrder
}

// Kind says what event n is. Events have the numbers 0, 1, 2 and so on.
func (g *Generator) Kind(n int64) Kind {
	switch at := g.id(n) % epoch; {
	case at < people:
		return PersonEvent
	case at < people+auctions:
		return AuctionEvent
	}
	return BidEvent
}

// Time is when event n happened, in milliseconds since 1970.
func (g *Generator) Time(n int64) int64 { return g.time(g.id(n)) }

func (g *Generator) time(id int64) int64 { return g.base + id*1000/g.rate }

// lastPerson is the newest person at an event, counted from 0; that of the event itself if it is
// one.
func lastPerson(id int64) int64 { return id / epoch * people }

// lastAuction is the newest auction at an event, counted from 0; that of the event itself if it is
// one.
func lastAuction(id int64) int64 {
	switch at := id % epoch; {
	case at < people:
		return id/epoch*auctions - 1
	case at < people+auctions:
		return id/epoch*auctions + at - people
	default:
		return id/epoch*auctions + auctions - 1
	}
}

// anyPerson draws one of the active people, or one of those who come next.
func anyPerson(id int64, r *random) int64 {
	known := lastPerson(id) + 1
	n := min(known, active)
	return known - n + r.below(n+lead)
}

// anyAuction draws one of the auctions in flight, or one of those that come next.
func anyAuction(id int64, r *random) int64 {
	last := lastAuction(id)
	first := max(last-inFlight, 0)
	return first + r.below(last-first+1+lead)
}
