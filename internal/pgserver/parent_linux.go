package pgserver

import "syscall"

// diesWithParent has the kernel shut the server down when this process is killed.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT} }
