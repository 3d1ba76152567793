package kafkaprocess

import "syscall"

// DieWithParent makes the system kill a child process when this process ends, even by SIGKILL.
func DieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
