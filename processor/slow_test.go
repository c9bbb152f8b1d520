package processor_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/processor"
)

// TestSlowerThanTheTransaction: a function takes longer for a record than its transaction may be
// open. The log says so, with the setting, and the application gets through: with the record alone
// in its transaction, which begins when the function has returned.
func TestSlowerThanTheTransaction(t *testing.T) {
	b := newBench(t)
	for _, v := range []string{"a", "b", "slow", "c"} {
		if err := b.cl.ProduceSync(b.ctx, &kgo.Record{Topic: "in", Key: []byte("k"), Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	app := b.app(func(v string) string {
		if v == "slow" {
			<-time.After(900 * time.Millisecond)
		}
		return v
	}, func(c *processor.Config) {
		c.CommitInterval, c.TransactionTimeout = 20*time.Millisecond, 300*time.Millisecond
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	})
	if err := app.Run(b.ctx); err != nil {
		t.Fatal(err)
	}
	if s := app.Stats(); s.In != 4 || s.Out != 4 || s.Aborts == 0 {
		t.Errorf("in, out and aborts: %d, %d, %d", s.In, s.Out, s.Aborts)
	}
	if want := "longer than TransactionTimeout (300ms), and the broker has ended it (task in/"; !strings.Contains(log.String(), want) {
		t.Errorf("nothing says %q:\n%s", want, log.String())
	}
	if got := strings.Join(b.out(4), " "); got != "a b c slow" {
		t.Errorf("got %s", got)
	}
}
