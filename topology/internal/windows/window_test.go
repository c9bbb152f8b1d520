package windows

import (
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
)

// first against trying all starts.
func TestFirstWindow(t *testing.T) {
	rnd := seeds.Rand(t)
	for range 20_000 {
		s := Spans{Size: 1 + rnd.Int64N(50)}
		s.Advance = 1 + rnd.Int64N(s.Size)
		ts := rnd.Int64N(200)
		want := int64(0)
		for ts >= want+s.Size {
			want += s.Advance
		}
		if got := s.first(ts); got != want {
			t.Fatalf("%+v at %d: %d, want %d", s, ts, got, want)
		}
	}
}
