//go:build race

package queries_test

const race = true
