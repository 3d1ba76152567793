//go:build !linux

package kafkaprocess

import "syscall"

// DieWithParent does nothing on systems that cannot do this. If this process is killed, its child stays.
func DieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
