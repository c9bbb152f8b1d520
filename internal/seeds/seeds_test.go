package seeds_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
)

// log is a test whose output is looked at.
type log struct {
	testing.TB
	lines  []string
	failed bool
}

func (l *log) Helper() {}

func (l *log) Logf(format string, args ...any) {
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *log) Fatalf(format string, args ...any) {
	l.Logf(format, args...)
	l.failed = true
}

// The seed that a run has logged gives the same numbers again.
func TestRepeat(t *testing.T) {
	t.Setenv(seeds.Env, "")
	first := &log{TB: t}
	want := seeds.Rand(first).Uint64()
	if len(first.lines) != 1 {
		t.Fatalf("logged %q", first.lines)
	}
	var seed uint64
	if _, err := fmt.Sscanf(first.lines[0], "KOLK_SEED=%d", &seed); err != nil {
		t.Fatalf("%q: %v", first.lines[0], err)
	}
	if other := seeds.New(t); other == seed {
		t.Errorf("the same seed %d twice", seed)
	}
	t.Setenv("KOLK_SEED", fmt.Sprint(seed))
	if got := seeds.Rand(t).Uint64(); got != want {
		t.Errorf("%d first, then %d", want, got)
	}
}

func TestSeveral(t *testing.T) {
	t.Setenv(seeds.Env, "")
	if all := seeds.Several(t, 3); len(all) != 3 || all[1] != all[0]+1 || all[2] != all[0]+2 {
		t.Errorf("%v", all)
	}
	t.Setenv(seeds.Env, "0x10")
	if all := seeds.Several(t, 3); !slices.Equal(all, []uint64{16}) {
		t.Errorf("%v", all)
	}
	t.Setenv(seeds.Env, "x")
	l := &log{TB: t}
	if seeds.New(l); !l.failed {
		t.Errorf("a seed that is no number: %q", l.lines)
	}
}
