//go:build gateway

package gateway_test

import "syscall"

// dieWithParent makes the system stop nginx when this process ends, even by SIGKILL.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
