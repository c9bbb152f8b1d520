package nexmark_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kolkstream/kolk/bench/nexmark"
)

func generator(t testing.TB, c nexmark.Config) *nexmark.Generator {
	t.Helper()
	g, err := nexmark.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// golden is the SHA-256 of the first messages' keys and values, each ended by a newline: a change
// of it is another data set.
const golden = "76ac223bc2bf3834987865fe92e6078ad6e234d3cdb8c74ae0d461c1637e454a"

func messages(g *nexmark.Generator, from, to int64) []byte {
	var all, key, value []byte
	for n := from; n < to; n++ {
		key, value = g.AppendMessage(key[:0], value[:0], n)
		all = append(append(all, key...), '\n')
		all = append(append(all, value...), '\n')
	}
	return all
}

func TestGolden(t *testing.T) {
	sum := sha256.Sum256(messages(generator(t, nexmark.Config{Seed: 1}), 0, 100_000))
	if got := hex.EncodeToString(sum[:]); got != golden {
		t.Errorf("the first 100,000 messages of seed 1 have the SHA-256 %s, not %s", got, golden)
	}
}

// TestFirstEvents are facts that follow from the definition of Nexmark, worked out by hand.
func TestFirstEvents(t *testing.T) {
	base := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	g := generator(t, nexmark.Config{Seed: 7, Base: base, Rate: 1000})
	ms := base.UnixMilli()
	for _, c := range []struct {
		n    int64
		kind nexmark.Kind
		id   int64 // of people and auctions
	}{
		{0, nexmark.PersonEvent, 1000}, {1, nexmark.AuctionEvent, 1000}, {2, nexmark.AuctionEvent, 1001}, {3, nexmark.AuctionEvent, 1002},
		{4, nexmark.BidEvent, 0}, {49, nexmark.BidEvent, 0},
		{50, nexmark.PersonEvent, 1001}, {51, nexmark.AuctionEvent, 1003}, {53, nexmark.AuctionEvent, 1005}, {54, nexmark.BidEvent, 0},
		{5_000_000, nexmark.PersonEvent, 101_000}, {5_000_003, nexmark.AuctionEvent, 301_002},
	} {
		e := g.Event(c.n)
		if e.Type != c.kind || g.Kind(c.n) != c.kind {
			t.Errorf("event %d is a %v, want a %v", c.n, e.Type, c.kind)
			continue
		}
		at := int64(0)
		switch e.Type {
		case nexmark.PersonEvent:
			at = e.Person.DateTime
			if e.Person.ID != c.id {
				t.Errorf("event %d is person %d, want %d", c.n, e.Person.ID, c.id)
			}
		case nexmark.AuctionEvent:
			at = e.Auction.DateTime
			if e.Auction.ID != c.id {
				t.Errorf("event %d is auction %d, want %d", c.n, e.Auction.ID, c.id)
			}
		default:
			at = e.Bid.DateTime
		}
		if at != ms+c.n || g.Time(c.n) != at {
			t.Errorf("event %d happened at %d, %d, want %d", c.n, at, g.Time(c.n), ms+c.n)
		}
	}
}

func TestKindNames(t *testing.T) {
	names := []string{nexmark.PersonEvent.String(), nexmark.AuctionEvent.String(), nexmark.BidEvent.String(), nexmark.Kind(9).String()}
	if got := strings.Join(names, " "); got != "person auction bid Kind(9)" {
		t.Error(got)
	}
}

func TestTimeByRate(t *testing.T) {
	g := generator(t, nexmark.Config{Rate: 10_000})
	base := nexmark.DefaultBase().UnixMilli()
	for n, want := range map[int64]int64{0: 0, 9: 0, 10: 1, 19: 1, 1_000_000: 100_000} {
		if got := g.Time(n) - base; got != want {
			t.Errorf("event %d is %d ms after the first, want %d", n, got, want)
		}
	}
}

// TestMessagesAreEvents compares the bytes with what encoding/json makes of the event.
func TestMessagesAreEvents(t *testing.T) {
	g := generator(t, nexmark.Config{Seed: 3})
	for n := range int64(20_000) {
		e := g.Event(n)
		want, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		key, value := g.AppendMessage([]byte("k"), []byte("v"), n)
		if string(value) != "v"+strings.ReplaceAll(string(want), `\u0026`, "&") {
			t.Fatalf("event %d:\n%s\nwant\n%s", n, value, want)
		}
		var id int64
		switch e.Type {
		case nexmark.PersonEvent:
			id = e.Person.ID
		case nexmark.AuctionEvent:
			id = e.Auction.ID
		default:
			id = e.Bid.Auction
		}
		if want, _ := json.Marshal(id); string(key) != "k"+string(want) {
			t.Fatalf("event %d has the key %s, want k%s", n, key, want)
		}
	}
}

// TestConcurrently generates parts of a run in several goroutines, from the last to the first.
func TestConcurrently(t *testing.T) {
	g := generator(t, nexmark.Config{Seed: 5, OutOfOrder: 1000})
	const parts, size = 8, 2500
	var (
		all [parts][]byte
		wg  sync.WaitGroup
	)
	for i := range parts {
		part := parts - 1 - i
		wg.Go(func() { all[part] = messages(g, int64(part*size), int64(part+1)*size) })
	}
	wg.Wait()
	again := generator(t, nexmark.Config{Seed: 5, OutOfOrder: 1000})
	if !bytes.Equal(bytes.Join(all[:], nil), messages(again, 0, parts*size)) {
		t.Error("parts that were generated at the same time differ from the whole")
	}
}

func TestSeedsDiffer(t *testing.T) {
	a, b := generator(t, nexmark.Config{Seed: 1}), generator(t, nexmark.Config{Seed: 2})
	same := 0
	for n := range int64(50_000) {
		if a.Kind(n) == nexmark.BidEvent && a.Bid(n).Price == b.Bid(n).Price {
			same++
		}
	}
	if same > 20 { // of a million prices; one in 20,000 bids by chance
		t.Errorf("%d of 46,000 prices are the same with another seed", same)
	}
}

// TestOutOfOrder shuffles groups of events: the same events, all within their group.
func TestOutOfOrder(t *testing.T) {
	const group, total = 1000, 10_000
	in, out := generator(t, nexmark.Config{Seed: 9}), generator(t, nexmark.Config{Seed: 9, OutOfOrder: group})
	place := map[string]int64{}
	for n := range int64(total) {
		_, v := in.AppendMessage(nil, nil, n)
		place[string(v)] = n
	}
	if len(place) != total {
		t.Fatalf("%d different events of %d", len(place), total)
	}
	moved := 0
	for n := range int64(total) {
		_, v := out.AppendMessage(nil, nil, n)
		at, ok := place[string(v)]
		if !ok || at/group != n/group {
			t.Fatalf("event %d out of order is %d in order (%v)", n, at, ok)
		}
		if out.Time(n) != in.Time(at) {
			t.Fatalf("event %d happened at %d, want %d", n, out.Time(n), in.Time(at))
		}
		delete(place, string(v))
		if at != n {
			moved++
		}
	}
	if len(place) != 0 || moved < total*9/10 {
		t.Errorf("%d events are missing, %d moved", len(place), moved)
	}
}

func TestMistakes(t *testing.T) {
	_, err := nexmark.New(nexmark.Config{Base: time.Unix(-1, 0), Rate: -1, OutOfOrder: 953 * 2})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"before 1970", "-1 events in a second", "a multiple of 953"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
	if _, err := nexmark.New(nexmark.Config{OutOfOrder: -5}); err == nil {
		t.Error("no error for a negative group")
	}
}

func TestAllocations(t *testing.T) {
	g := generator(t, nexmark.Config{Seed: 1})
	key, value := make([]byte, 0, 64), make([]byte, 0, 4096)
	n := int64(0)
	if a := testing.AllocsPerRun(1000, func() {
		if g.Kind(n) != nexmark.PersonEvent {
			key, value = g.AppendMessage(key[:0], value[:0], n)
		}
		n++
	}); a != 0 {
		t.Errorf("%v allocations for a bid or an auction", a)
	}
}

func BenchmarkMessage(b *testing.B) {
	g := generator(b, nexmark.Config{Seed: 1})
	var key, value []byte
	b.ReportAllocs()
	size := 0
	for n := 0; b.Loop(); n++ {
		key, value = g.AppendMessage(key[:0], value[:0], int64(n))
		size += len(value)
	}
	b.SetBytes(int64(size / max(b.N, 1)))
}
