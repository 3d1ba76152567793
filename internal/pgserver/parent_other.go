//go:build !linux

package pgserver

import "syscall"

// diesWithParent can do nothing here: a server that outlives this process is stopped at the next start on its data.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
