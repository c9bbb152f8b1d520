package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// roleEnv tells a child process what to be; without it the process runs the tests.
const roleEnv = "KOLK_E2E_ROLE"

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleEnv); role {
	case "":
		code := runTests(m)
		if code == 0 {
			if err := goleak.Find(); err != nil {
				fmt.Fprintln(os.Stderr, "e2e: after all tests:", err)
				code = 1
			}
		}
		os.Exit(code)
	case "broker":
		os.Exit(brokerMain())
	case "instance":
		os.Exit(instanceMain())
	default:
		fmt.Fprintf(os.Stderr, "e2e: no role %q\n", role)
		os.Exit(2)
	}
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x6b6f6c6b)) }

// eventually polls cond until it holds, and fails the test with what it last said when the deadline
// passes.
func eventually(t *testing.T, within time.Duration, what string, cond func() (done bool, state string)) {
	t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		done, state := cond()
		if done {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v; last state: %s", what, within, state)
		}
		<-tick.C
	}
}
