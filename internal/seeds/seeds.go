// Package seeds gives random tests their seeds. Each run of a test draws new ones, and logs them;
// the environment variable KOLK_SEED repeats a run.
package seeds

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Env is the environment variable with the seed of all random tests: a decimal number, or a
// hexadecimal one behind 0x.
const Env = "KOLK_SEED"

// New returns the seed of a random test: the one of [Env], or a new one. It logs the seed in the
// form that a shell takes before the command that repeats the run. An [Env] that is no number fails
// the test.
func New(t testing.TB) uint64 {
	t.Helper()
	return Several(t, 1)[0]
}

// Several returns the seeds of a test that runs n times, one after the other and beginning with a
// new one, or only the one of [Env]. It logs the first.
func Several(t testing.TB, n int) []uint64 {
	t.Helper()
	first := rand.Uint64N(1 << 62)
	if text := os.Getenv(Env); text != "" {
		var err error
		if first, err = strconv.ParseUint(text, 0, 64); err != nil {
			t.Fatalf("%s: %v", Env, err)
		}
		n = 1
	}
	all := make([]uint64, n)
	for i := range all {
		all[i] = first + uint64(i)
	}
	if _, ok := t.(*testing.B); ok {
		// What a benchmark logs stands between its results.
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s=%d", Env, first)
			}
		})
	} else {
		t.Logf("%s=%d", Env, first)
	}
	return all
}

// Rand returns a source of random numbers with the seed that [New] returns.
func Rand(t testing.TB) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(New(t), 1))
}
