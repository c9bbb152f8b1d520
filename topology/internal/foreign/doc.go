// Package foreign joins a table with another one by a key that lies in its rows. It has three
// places, with a topic from each to the next, so that there is no way back:
//
//   - Where the left table is, [Changes] numbers its changes. [Subscribe] tells the partition of
//     the foreign key who wants answers, [Tell] the place of the result what the row is now.
//   - Where the right table is, [Subscriptions] keeps who wants answers, and gives them: at once,
//     and with each change of the right row.
//   - Where the result is, [Join] keeps the left rows, and joins them with the answers that have
//     their number. Others are stale, or early.
package foreign

import "github.com/kolkstream/kolk/topology/internal/operator"

// What all operators have in common, by short names.
type (
	Record[K, V any]   = operator.Record[K, V]
	Receiver[K, V any] = operator.Receiver[K, V]
	Change[V any]      = operator.Change[V]
	Opt[V any]         = operator.Opt[V]
)
