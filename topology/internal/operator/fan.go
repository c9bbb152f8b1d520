package operator

// Fan passes each record to several receivers, one after the other, each to its end before the next
// begins.
type Fan[K, V any] struct {
	to []Receiver[K, V]
}

// NewFan returns a receiver for all of to, in that order: nothing for none, the receiver itself for
// one.
func NewFan[K, V any](to []Receiver[K, V]) Receiver[K, V] {
	switch len(to) {
	case 0:
		return discard[K, V]{}
	case 1:
		return to[0]
	}
	return &Fan[K, V]{to: to}
}

// Receive implements Receiver.
func (f *Fan[K, V]) Receive(r *Record[K, V]) error {
	for _, to := range f.to {
		if err := to.Receive(r); err != nil {
			return err
		}
	}
	return nil
}

// discard is the receiver of a stream that nobody reads.
type discard[K, V any] struct{}

func (discard[K, V]) Receive(*Record[K, V]) error { return nil }

// Node is what every operator knows of itself.
type Node struct {
	Name string
	// Place is where it stands in the plan, behind all that it gets records from.
	Place int
	Task  Task
}

// Fail reports err for the record of origin o, and returns what Receive is to return.
func (n *Node) Fail(o Origin, err error) error { return n.Task.Fail(n.Name, o, err) }

// Drop counts a record.
func (n *Node) Drop(reason Reason, o Origin) { n.Task.Drop(n.Name, reason, o) }

// Inherit copies to out what a record made from in has of it: all but key, value and their bytes.
func Inherit[K, V, K2, V2 any](out *Record[K2, V2], in *Record[K, V]) {
	out.Timestamp = in.Timestamp
	out.Ref = in.Ref
	out.Headers = in.Headers
	out.Origin = in.Origin
	out.Place = in.Place
}

// InheritKey copies key and everything that inherit copies.
func InheritKey[K, V, V2 any](out *Record[K, V2], in *Record[K, V]) {
	out.Key, out.NoKey, out.RawKey = in.Key, in.NoKey, in.RawKey
	Inherit(out, in)
}
