package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/monsplit/monsplit/internal/terminal"
)

// progress shows on a terminal how many records are done. If the output is not a terminal, it shows nothing.
type progress struct {
	out   io.Writer // nil if the output is not a terminal
	what  string
	shown time.Time
}

func newProgress(out io.Writer, what string) *progress {
	if safe, ok := out.(*terminal.Writer); ok {
		out = safe.Unwrap()
	}
	if file, ok := out.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
		return &progress{}
	}
	return &progress{out: out, what: what}
}

// report must be called by one goroutine at a time.
func (p *progress) report(done, total int) {
	if p.out == nil || time.Since(p.shown) < 100*time.Millisecond && done < total {
		return
	}
	p.shown = time.Now()
	fmt.Fprintf(p.out, "\r%s: %d of %d", p.what, done, total)
}

func (p *progress) end() {
	if p.out != nil && !p.shown.IsZero() {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
