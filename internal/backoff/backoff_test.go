package backoff_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kolkstream/kolk/internal/backoff"
)

func TestNext(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		first, most time.Duration
		want        []time.Duration
	}{
		{10 * ms, 50 * ms, []time.Duration{10 * ms, 20 * ms, 40 * ms, 50 * ms, 50 * ms}},
		{10 * ms, 40 * ms, []time.Duration{10 * ms, 20 * ms, 40 * ms, 40 * ms, 40 * ms}},
		{10 * ms, 5 * ms, []time.Duration{5 * ms, 5 * ms, 5 * ms, 5 * ms, 5 * ms}},
	} {
		b := backoff.New(c.first, c.most)
		for range 2 {
			var got []time.Duration
			for range c.want {
				got = append(got, b.Next())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("from %v to %v: %v, want %v", c.first, c.most, got, c.want)
			}
			b.Reset()
		}
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, start := backoff.New(time.Second, 4*time.Second), time.Now()
		for range 4 {
			if err := b.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(start); d != 11*time.Second {
			t.Errorf("1, 2, 4 and 4 s took %v", d)
		}
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		start = time.Now()
		if err := b.Wait(ctx); !errors.Is(err, cause) || time.Since(start) != time.Second {
			t.Errorf("ended after a second: %v after %v", err, time.Since(start))
		}
	})
}
