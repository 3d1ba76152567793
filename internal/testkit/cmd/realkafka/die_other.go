//go:build !linux

package main

import "syscall"

// dieWithParent does nothing where the system cannot: a child outlives this process if that is killed.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
