//go:build !race

package e2e

import "github.com/twmb/franz-go/pkg/kgo"

// slow is how many times longer everything takes, roughly: under the race detector the tests do
// less.
const slow = 1

// compression of what the tests and their applications produce: the application's own choice.
func compression() []kgo.Opt { return nil }
