//go:build !linux

package pgserver

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// diesWithParent can do nothing here: a server that outlives this process is stopped at the next start on its data.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

// serversOn returns the postmaster that the pid file in dir names, if its command line says that it is one on dir: after
// a crash the file may name a process that is by now somebody else's.
func serversOn(dir string) []int {
	pid := postmaster(dir)
	if pid == 0 {
		return nil
	}
	command, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output() //nolint:noctx // instant
	if err != nil || !strings.Contains(string(command), "-D "+dir+" ") {
		return nil
	}
	return []int{pid}
}
