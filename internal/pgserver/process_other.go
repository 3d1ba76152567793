//go:build !linux

package pgserver

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// diesWithParent does nothing on this system. A server that outlives this process is stopped at the next start on its data.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

// serversOn returns the postmaster in the pid file of dir, if its command line shows that it runs on dir. After a crash, the
// file may have the number of an unrelated process.
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
