//go:build race

package e2e

// slow is how many times longer everything takes, roughly: under the race detector the tests do less.
const slow = 6
