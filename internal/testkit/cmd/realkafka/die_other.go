//go:build !linux

package main

import "syscall"

// dieWithParent does nothing on systems that cannot do this. If this process is killed, its child stays.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
