//go:build gateway

package gateway_test

import "syscall"

// dieWithParent makes the kernel stop nginx when this process ends, even after a SIGKILL.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
