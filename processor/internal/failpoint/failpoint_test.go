package failpoint_test

import (
	"context"
	"errors"
	"testing"

	"github.com/kolkstream/kolk/processor/internal/failpoint"
)

func TestNilPointsAreOff(t *testing.T) {
	if err := failpoint.From(context.Background()).Hit(failpoint.BeforeFlush); err != nil {
		t.Fatalf("hit of no points: %v", err)
	}
}

func TestPointsTravelInContext(t *testing.T) {
	boom := errors.New("boom")
	var hits []failpoint.Name
	ctx := failpoint.With(context.Background(), func(n failpoint.Name) error {
		hits = append(hits, n)
		if n == failpoint.AfterEndTxn {
			return boom
		}
		return nil
	})
	p := failpoint.From(ctx)
	for _, n := range failpoint.All() {
		err := p.Hit(n)
		if want := n == failpoint.AfterEndTxn; errors.Is(err, boom) != want {
			t.Errorf("%s: error %v", n, err)
		}
	}
	if len(hits) != len(failpoint.All()) {
		t.Errorf("%d hits, want %d", len(hits), len(failpoint.All()))
	}
}
