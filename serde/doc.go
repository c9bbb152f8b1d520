// Package serde converts typed keys and values to the bytes that Kafka and the state stores hold,
// and back.
//
// A [Serde] is a value without state of its own: it may be shared by any number of goroutines. The
// built-in ones write what Kafka's own serializers write, so that other clients read kolk's topics
// and kolk reads theirs.
//
// This program reads measurements that a device writes in six bytes, and writes their sum by place
// as JSON:
//
//	package main
//
//	import (
//		"context"
//		"encoding/binary"
//		"fmt"
//		"log"
//
//		"github.com/kolkstream/kolk/processor"
//		"github.com/kolkstream/kolk/serde"
//		"github.com/kolkstream/kolk/topology"
//	)
//
//	type Measurement struct {
//		Place uint16
//		Value uint32
//	}
//
//	type Sum struct{ N, Total int }
//
//	func (s Sum) Add(m Measurement) Sum { return Sum{s.N + 1, s.Total + int(m.Value)} }
//
//	// device is the serde of measurements: two bytes for the place, four for the value.
//	type device struct{}
//
//	func (device) Name() string { return "device" }
//
//	func (device) Append(dst []byte, m Measurement) ([]byte, error) {
//		dst = binary.BigEndian.AppendUint16(dst, m.Place)
//		return binary.BigEndian.AppendUint32(dst, m.Value), nil
//	}
//
//	func (device) Decode(src []byte) (Measurement, error) {
//		if len(src) != 6 {
//			return Measurement{}, fmt.Errorf("%w: device: %d bytes", serde.ErrMalformed, len(src))
//		}
//		return Measurement{binary.BigEndian.Uint16(src), binary.BigEndian.Uint32(src[2:])}, nil
//	}
//
//	func main() {
//		t := topology.New("measurements")
//		t.Stream("measured", serde.Bytes(), device{}).
//			GroupBy("place", func(m Measurement) int { return int(m.Place) }).
//			Aggregate("sums", Sum.Add, topology.ValueSerde(serde.JSON[Sum]())).
//			ToStream().
//			To("sums")
//		plan, err := t.Build()
//		if err != nil {
//			log.Fatal(err)
//		}
//		app, err := processor.New(plan, processor.Config{
//			Brokers:  []string{"localhost:9092"},
//			StateDir: "state",
//		})
//		if err != nil {
//			log.Fatal(err)
//		}
//		log.Fatal(app.Run(context.Background()))
//	}
//
// # Missing and empty
//
// A key or value that is missing (null in Kafka) never reaches a serde. An empty one does: Decode
// is given a slice of length 0, and what Append leaves as it was is an empty key or value, not a
// missing one.
//
// # Memory
//
// Append writes into memory of the caller, as append does, and Decode is given memory of the
// caller, which is used again: neither keeps it, or parts of it. A value whose strings or slices
// would share src has to copy them.
//
// # Errors
//
// An error of Decode is an error of the record, for the error policy of the processor: it is named
// with topic, partition, offset and node. [ErrMalformed] marks those of bytes that are no encoding
// of the type. An error of Append is one of the record that the value was made from.
//
// # Names
//
// [Serde.Name] says what is written: two serdes with one name are taken to write the same bytes, so
// bytes are handed on without being decoded between them. State is kept together with the names of
// its serdes, and a plan that would read it with others is refused at start. A serde whose bytes
// change is a new serde, with another name.
package serde
