//go:build !linux

package e2e

// limitFileSize does nothing here: only Linux is asked to have full disks.
func limitFileSize(uint64, *emitter) {}
