//go:build !linux

package main

import (
	"errors"
	"os/exec"
	"time"
)

// checkPlatform returns an error where processes cannot be measured.
func checkPlatform() error {
	return errors.New("processes are measured through /proc, which only Linux has; `docker run` one, or read docs/performance.md")
}

func cpuTime(int) time.Duration { return 0 }
func peakRSS(int) int64         { return 0 }
func dieWithParent(*exec.Cmd)   {}
