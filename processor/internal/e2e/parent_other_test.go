//go:build kafka && !linux

package e2e

import "os/exec"

// dieWithParent lets c die with this process, however that ends; here it cannot.
func dieWithParent(*exec.Cmd) {}
