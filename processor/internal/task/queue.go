package task

import "github.com/twmb/franz-go/pkg/kgo"

// recordOverhead is about what a fetched record takes besides key, value and headers.
const recordOverhead = 200

// queue holds fetched records in the slices they came in. The slices belong to the queue from then
// on, but are not changed, and so do the records: each is recycled when it has been processed. What
// is left out altogether, after an abort, the garbage collector finds.
type queue struct {
	batches [][]*kgo.Record
	first   int // batches before it are done
	next    int // in batches[first]
	bytes   int64
	// What was not looked at, before it is the head, begins there; it may lie before the head.
	look, lookNext int
	// lost says that no memory of what is queued is used again.
	lost bool
}

// push appends records. It copies nothing.
func (q *queue) push(recs []*kgo.Record) {
	if len(recs) == 0 {
		return
	}
	for _, r := range recs {
		q.bytes += recordSize(r)
	}
	if q.first > 0 && q.first == len(q.batches) {
		q.batches, q.first, q.look, q.lookNext = q.batches[:0], 0, 0, 0
	} else if q.first >= 64 && q.first*2 >= len(q.batches) {
		n := copy(q.batches, q.batches[q.first:])
		clear(q.batches[n:])
		q.look -= q.first // which may be less than 0: it lies before the head
		q.batches, q.first = q.batches[:n], 0
	}
	q.batches = append(q.batches, recs)
}

// head returns the first record, nil if there is none.
func (q *queue) head() *kgo.Record {
	if q.first == len(q.batches) {
		return nil
	}
	return q.batches[q.first][q.next]
}

// ahead returns the next record to be looked at, nil if there is none.
func (q *queue) ahead() *kgo.Record {
	if q.look < q.first || q.look == q.first && q.lookNext < q.next {
		q.look, q.lookNext = q.first, q.next
	}
	if q.look == len(q.batches) {
		return nil
	}
	return q.batches[q.look][q.lookNext]
}

// lookOn goes on behind the record that ahead has returned.
func (q *queue) lookOn() {
	if q.lookNext++; q.lookNext == len(q.batches[q.look]) {
		q.look, q.lookNext = q.look+1, 0
	}
}

// lookAgain has everything be looked at again.
func (q *queue) lookAgain() { q.look, q.lookNext = 0, 0 }

// pop removes the first record. With recycle its memory, key and value included, may be used again
// at once; otherwise the garbage collector finds it.
func (q *queue) pop(recycle bool) {
	b := q.batches[q.first]
	r := b[q.next]
	q.bytes -= recordSize(r)
	if recycle && !q.lost {
		r.Recycle()
	}
	if q.next++; q.next == len(b) {
		q.batches[q.first] = nil
		q.first++
		q.next = 0
		q.lost = q.lost && !q.empty()
	}
}

func (q *queue) empty() bool { return q.first == len(q.batches) }

func (q *queue) clear() {
	clear(q.batches)
	*q = queue{batches: q.batches[:0]}
}

func recordSize(r *kgo.Record) int64 {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return int64(n)
}
