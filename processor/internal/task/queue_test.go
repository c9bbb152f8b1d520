package task

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestQueueKeepsOrderAndBytes(t *testing.T) {
	var q queue
	in, out := int64(0), int64(0)
	for round := range 1000 { // push more than is taken, then less
		var recs []*kgo.Record
		for range (round*7)%5 + 1 {
			recs = append(recs, rec(in, 0))
			in++
		}
		q.push(recs)
		q.push(nil)
		for range (round * 3) % 7 {
			if q.empty() {
				break
			}
			same(t, "offset", q.head().Offset, out)
			q.pop(true)
			out++
		}
		same(t, "bytes", q.bytes, (in-out)*(recordOverhead+2))
	}
	for !q.empty() {
		same(t, "offset", q.head().Offset, out)
		q.pop(true)
		out++
	}
	same(t, "all out", out, in)
	if q.head() != nil || q.bytes != 0 {
		t.Errorf("an empty queue has a head %v and %d bytes", q.head(), q.bytes)
	}
	q.push([]*kgo.Record{rec(1, 0), rec(2, 0)})
	q.pop(true)
	q.clear()
	if !q.empty() || q.bytes != 0 {
		t.Errorf("a cleared queue has %d bytes", q.bytes)
	}
}
