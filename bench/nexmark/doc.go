// Package nexmark generates the events of the Nexmark benchmark: people who register, auctions that
// they open, and bids.
//
//	g, err := nexmark.New(nexmark.Config{Seed: 1, Rate: 10_000})
//	for n := range int64(1_000_000) {
//		if g.Kind(n) == nexmark.BidEvent {
//			bid := g.Bid(n)
//			...
//		}
//	}
//
// An event is a function of the configuration and its number, and of nothing else: any number of
// goroutines may generate any parts of a run, in any order, on any machine, and a test can compute
// what a query must yield. The ids are those of the original generator
// (github.com/nexmark/nexmark), which are deterministic there too; so are the distributions of
// everything that is drawn. What it draws cannot be the same, for it has no seed.
//
// Of 50 events, the first is a person, the next three are auctions, and 46 are bids. Half of the
// bids go to a hot auction, which is another one after every 100 auctions; three quarters are made
// by a hot bidder, another one after every 100 people; three quarters of the auctions are opened by
// a hot seller. The others fall on the last 100 auctions and the last 1000 people, and on up to ten
// that do not exist yet.
//
// Two oddities of the original are kept, because published results have them: the ids of bidders
// are larger by 1000 than those of the people that they mean, and the event time of a default run
// passes much faster than the clock ([Config.Rate] sets it).
package nexmark
