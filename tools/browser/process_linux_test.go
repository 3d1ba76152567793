package browser

import "syscall"

// dieWithParent keeps a test that is killed from leaving the demo behind.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
