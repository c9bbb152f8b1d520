// Package sessions has the aggregations over windows that the records make: sessions, which end
// where a key has no records for a while, and sliding windows, which begin or end at a record.
//
// Which windows a key has is known for each key alone. So an entry of the cache is all open windows
// of a key, a set; a record finds them with one look-up. In the store each window has a row in the
// order of time, where those that are due lie together, and a second one that leads from the key to
// it (docs/format/state.md). Windows close at the commit, before which nobody would see the
// results; sessions without final results do so in the cache, where that has all of them
// (docs/adr/0035-sessions-in-the-cache.md).
package sessions
