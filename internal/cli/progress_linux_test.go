package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pseudoTerminal returns both ends of a pseudo-terminal. What is written to the second can be read from the first (pty(7)).
func pseudoTerminal(t *testing.T) (screen, tty *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	fd := int(screen.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	return screen, tty
}

// On a terminal, an import shows its progress.
func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	screen, tty := pseudoTerminal(t)
	importTo(t, tty)
	const end = "END" // one read may return only a part of what was written
	if _, err := tty.WriteString(end); err != nil {
		t.Fatal(err)
	}
	text := ""
	for part := make([]byte, 1000); !strings.HasSuffix(text, end); {
		n, err := screen.Read(part)
		if err != nil {
			t.Fatalf("shown %q, %v", text, err)
		}
		text += string(part[:n])
	}
	if !strings.Contains(text, "\rhats: 2 of 2 written") || !strings.HasSuffix(text, "\r\x1b[K"+end) {
		t.Errorf("shown %q", text)
	}
}
