//go:build !race

package queries_test

// race says that the race detector is at work, which makes everything several times slower.
const race = false
