// Package door has the key to what package topology keeps for topologies that are read from files.
// It is internal, so that only packages below topology have the key.
package door

// Key is the argument of topology's ForFiles.
type Key struct{}
