package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/monsplit/monsplit/internal/terminal"
)

const (
	screenEvery = 100 * time.Millisecond
	lineEvery   = 10 * time.Second
)

// progress shows how many records are done. On a terminal, one line changes in its place.
type progress struct {
	out      io.Writer // nil if nothing is shown
	terminal bool
	what     string
	next     time.Time // when it is shown again
	shown    bool
}

// newProgress returns a progress that shows nothing if the output is not a terminal.
func newProgress(out io.Writer, what string) *progress {
	p := newLoggedProgress(out, what)
	if !p.terminal {
		p.out = nil
	}
	return p
}

// newLoggedProgress returns a progress that writes a new line every 10 seconds if the output is not a terminal.
func newLoggedProgress(out io.Writer, what string) *progress {
	p := &progress{out: out, what: what}
	if safe, ok := out.(*terminal.Writer); ok {
		out = safe.Unwrap()
	}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		p.out, p.terminal = out, true
	} else {
		p.next = time.Now().Add(lineEvery)
	}
	return p
}

// report must be called by one goroutine at a time.
func (p *progress) report(done, total int) {
	p.show(func() string { return fmt.Sprintf("%d of %d", done, total) }, done == total)
}

// show shows a text, unless the last one was shown a moment ago. A terminal shows the last text of a phase in any case.
func (p *progress) show(text func() string, last bool) {
	if p.out == nil || time.Now().Before(p.next) && (!last || !p.terminal) {
		return
	}
	p.shown = true
	if p.terminal {
		p.next = time.Now().Add(screenEvery)
		fmt.Fprintf(p.out, "\r%s: %s\x1b[K", p.what, text())
	} else {
		p.next = time.Now().Add(lineEvery)
		fmt.Fprintf(p.out, "%s: %s\n", p.what, text())
	}
}

func (p *progress) end() {
	if p.terminal && p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
