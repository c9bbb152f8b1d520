package main

import (
	"context"
	"iter"
	"runtime"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/bench/nexmark"
)

// inOrder yields the messages of the first count events, in order, in parts of that size: the
// number of the first one, and the records, which are the receiver's. All processors generate; each
// makes every so many-th part. It ends early if ctx does.
func inOrder(ctx context.Context, g *nexmark.Generator, count, size int64) iter.Seq2[int64, []kgo.Record] {
	return func(yield func(int64, []kgo.Record) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		makers := make([]chan []kgo.Record, runtime.GOMAXPROCS(0))
		step := size * int64(len(makers))
		for i := range makers {
			parts := make(chan []kgo.Record, 1)
			makers[i] = parts
			go func() {
				for first := int64(i) * size; first < count; first += step {
					select {
					case parts <- messages(g, first, min(first+size, count)):
					case <-ctx.Done():
						return
					}
				}
			}()
		}
		for first := int64(0); first < count; first += size {
			select {
			case records := <-makers[first/size%int64(len(makers))]:
				if !yield(first, records) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// messages are the messages of some events that follow each other.
func messages(g *nexmark.Generator, from, to int64) []kgo.Record {
	const usualKey, usualValue = 6, 320 // bytes; if it is more, append sees to it
	n := int(to - from)
	records := make([]kgo.Record, n)
	keys, values := make([]byte, 0, n*usualKey), make([]byte, 0, n*usualValue)
	for i := range records {
		event := from + int64(i)
		key, value := len(keys), len(values)
		keys, values = g.AppendMessage(keys, values, event)
		records[i] = kgo.Record{Key: keys[key:len(keys):len(keys)], Value: values[value:len(values):len(values)], Timestamp: time.UnixMilli(g.Time(event))}
	}
	return records
}
