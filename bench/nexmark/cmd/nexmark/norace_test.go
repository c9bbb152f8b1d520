//go:build !race

package main

// race says that the race detector is at work, which makes everything several times slower.
const race = false
