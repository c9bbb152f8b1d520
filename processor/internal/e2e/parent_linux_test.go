//go:build kafka

package e2e

import (
	"os/exec"
	"syscall"
)

// dieWithParent lets c die with this process, however that ends.
func dieWithParent(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
