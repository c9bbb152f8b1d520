package stores

import (
	"context"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

type counter struct{ n int }

func (c *counter) Receive(*record.Record[string, string]) error { c.n++; return nil }

func (b *bench) Context() context.Context                    { return b.t.Context() }
func (b *bench) Drop(string, record.Reason, operator.Origin) { b.dropped++ }

// A record costs no allocation, and one look-up, whatever there is.
func TestDeduplicateCosts(t *testing.T) {
	b := newBench(t)
	rows := NewRows(b, "d", 1, &ByTask{Task: b, Retention: 1001})
	next := new(counter)
	d := NewDeduplicate(operator.Node{Name: "d", Task: b}, serde.String(), false, rows, nil, 1000, serde.String(),
		func(_ context.Context, r *record.Record[string, string]) (string, error) { return r.Value, nil }, false, next)
	send := func(key, value string, ts int64) {
		if err := d.Receive(&record.Record[string, string]{Key: key, Value: value, Timestamp: ts, Ref: ts}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5000 {
		send("k", strconv.Itoa(i), int64(i/10))
	}
	b.save()
	b.scans, b.rows = 0, 0
	for i := range 5000 {
		send("k", strconv.Itoa(i), 500)
	}
	if next.n != 5000 || b.dropped != 5000 || b.scans != 5000 || b.rows != 5000 {
		t.Errorf("%d passed, %d dropped with %d scans of %d rows", next.n, b.dropped, b.scans, b.rows)
	}
	r := &record.Record[string, string]{Key: "k", Value: "7", Timestamp: 500, Ref: 500}
	if n := testing.AllocsPerRun(200, func() {
		if d.Receive(r) != nil {
			t.Fatal("error")
		}
	}); n > 2 { // those of the database's scan
		t.Errorf("%v allocations for a duplicate", n)
	}
}

func TestSeenSerde(t *testing.T) {
	s := SeenSerde[string, int64]{Key: serde.String(), ID: serde.Int64()}
	texts := flow.TextsOf(s)
	b, err := s.Append(nil, Seen[string, int64]{"ab", 7})
	if err != nil || string(b) != "\x02ab\x00\x00\x00\x00\x00\x00\x00\x07" {
		t.Fatalf("%q, %v", b, err)
	}
	if v, err := s.Decode(b); err != nil || v != (Seen[string, int64]{"ab", 7}) {
		t.Errorf("%v, %v", v, err)
	}
	text, err := texts.Decode(b)
	if err != nil || string(text) != `{"key":"ab","id":7}` {
		t.Errorf("%s, %v", text, err)
	}
	if again, err := texts.Append(nil, text); err != nil || string(again) != string(b) {
		t.Errorf("%q, %v", again, err)
	}
	for _, bad := range []string{"", "\x03ab", "\xff"} {
		if _, err := s.Decode([]byte(bad)); err == nil {
			t.Errorf("%q is a key with an id", bad)
		}
	}
	for _, bad := range []string{`{"key":"ab"}`, `{"key":1,"id":7}`, `[]`} {
		if _, err := texts.Append(nil, json.RawMessage(bad)); err == nil {
			t.Errorf("%s is a key with an id", bad)
		}
	}
}
