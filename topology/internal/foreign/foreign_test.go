package foreign

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkMessage compares the bytes of a message, which docs/format/foreign.md describes.
func checkMessage[T any](t *testing.T, s serde.Serde[T], v T, want string) {
	t.Helper()
	b, err := s.Append(nil, v)
	if err != nil || !bytes.Equal(b, unhex(t, want)) {
		t.Errorf("%+v is % x, %v, want %s", v, b, err, want)
	}
	back, err := s.Decode(b)
	if err != nil || !reflect.DeepEqual(back, v) {
		t.Errorf("% x is %+v, %v, want %+v", b, back, err, v)
	}
	for _, bad := range [][]byte{nil, b[:messageHead-1], append([]byte{2}, b[1:]...), append([]byte{1, 0x40}, b[2:]...)} {
		if _, err := s.Decode(bad); err == nil {
			t.Errorf("% x is a %s", bad, s.Name())
		}
	}
}

func TestMessages(t *testing.T) {
	key, value := []byte("o1"), []byte("A")
	checkMessage(t, SubscriptionSerde(), Subscription{Number: 5, Key: key}, "01 03 00 00 00 00 00 00 00 05 6f 31")
	checkMessage(t, SubscriptionSerde(), Subscription{Number: 5, Key: key, Say: true}, "01 02 00 00 00 00 00 00 00 05 6f 31")
	checkMessage(t, SubscriptionSerde(), Subscription{Number: 256, Key: key, Ends: true}, "01 00 00 00 00 00 00 00 01 00 6f 31")
	checkMessage(t, LeftSerde(), Left{Number: 5, There: true, Answered: true, Value: value}, "01 03 00 00 00 00 00 00 00 05 41")
	checkMessage(t, LeftSerde(), Left{Number: 5, Value: []byte{}}, "01 00 00 00 00 00 00 00 00 05")
	checkMessage(t, AnswerSerde(), Answer{Number: 5, Has: true, Right: value}, "01 08 00 00 00 00 00 00 00 05 41")
	checkMessage(t, AnswerSerde(), Answer{Number: 5, Ends: true, Right: []byte{}}, "01 01 00 00 00 00 00 00 00 05")
	checkMessage(t, AnswerSerde(), Answer{Number: 5, Say: true, Update: true, Right: []byte{}}, "01 06 00 00 00 00 00 00 00 05")
}

func TestRow(t *testing.T) {
	want := row{there: true, number: 5, ts: 10, value: []byte("v"), joined: true}
	b := want.append(nil)
	if text := "01 03 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00 0a 76"; !bytes.Equal(b, unhex(t, text)) {
		t.Errorf("% x, want %s", b, text)
	}
	rnd := seeds.Rand(t)
	for range 1000 {
		want := randomRow(rnd)
		b := want.append(nil)
		var got row
		if err := got.parse(b); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("% x is %+v, %v, want %+v", b, got, err, want)
		}
		least := len(b) - len(want.value)
		for n := range least {
			if err := got.parse(b[:n]); err == nil {
				t.Fatalf("% x, cut at %d, is %+v", b, n, got)
			} else if !errors.Is(err, state.ErrCorrupt) && !errors.Is(err, serde.ErrMalformed) {
				t.Fatalf("% x, cut at %d: %v", b, n, err)
			}
		}
	}
}

func randomRow(rnd *rand.Rand) (r row) {
	flip := func() bool { return rnd.IntN(2) == 0 }
	text := func() []byte { return bytes.Repeat([]byte{'x'}, rnd.IntN(300)) }
	if r.there = flip(); r.there {
		r.number, r.ts, r.value = rnd.Int64(), rnd.Int64(), text()
	}
	r.joined = flip()
	if r.hasRight = flip(); r.hasRight {
		r.rightTS = rnd.Int64()
	}
	if r.hasEarly = flip(); r.hasEarly {
		r.earlyTS, r.early = rnd.Int64(), Answer{Number: rnd.Int64(), Say: flip(), Update: flip(), Has: flip(), Right: text()}
	}
	return r
}

// The keys of the subscriptions of one foreign key, and no others, lie between its bounds.
func TestBounds(t *testing.T) {
	rnd := seeds.Rand(t)
	text := func() []byte {
		b := make([]byte, rnd.IntN(4))
		for i := range b {
			b[i] = []byte{0, 1, 0xfe, 0xff}[rnd.IntN(4)]
		}
		return b
	}
	for range 10_000 {
		a, b, key := text(), text(), text()
		lo := prefix(nil, a)
		hi := after(bytes.Clone(lo))
		at := append(prefix(nil, b), key...)
		if within := bytes.Compare(lo, at) <= 0 && (hi == nil || bytes.Compare(at, hi) < 0); within != bytes.Equal(a, b) {
			t.Fatalf("% x of % x lies within % x: %v", key, b, a, within)
		}
	}
	if hi := after([]byte{0xff, 0xff}); hi != nil {
		t.Errorf("behind all: % x", hi)
	}
}
