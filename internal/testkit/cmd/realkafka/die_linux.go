package main

import "syscall"

// dieWithParent makes the system kill a child process when this process ends, even by SIGKILL.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
