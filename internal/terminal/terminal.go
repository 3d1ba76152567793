// Package terminal keeps text from outside from controlling a person's terminal: an escape sequence in a name could rewrite
// what was printed before, or change the order of the characters.
package terminal

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Line returns text as one line without control characters. It writes them as JSON does, for example \u001b.
func Line(text string) string { return escaped(text, "") }

// Writer writes text without control characters, except line feeds and tabs. JSON stays the same JSON.
type Writer struct {
	to      io.Writer
	partial []byte // the beginning of a character whose other bytes come with the next Write
}

// NewWriter returns a Writer that writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{to: w} }

// Unwrap returns the writer below, for text of the program's own that controls the terminal.
func (w *Writer) Unwrap() io.Writer { return w.to }

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	text := append(w.partial, p...)
	whole := len(text) - partialAt(text)
	w.partial = append([]byte(nil), text[whole:]...)
	if _, err := io.WriteString(w.to, escaped(string(text[:whole]), "\n\t")); err != nil {
		return 0, err
	}
	return len(p), nil
}

// partialAt returns how many bytes at the end of text are the beginning of a character.
func partialAt(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if tail := text[len(text)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return n
			}
			break
		}
	}
	return 0
}

// escaped writes what controls a terminal as JSON would, and invalid bytes as U+FFFD. It keeps the characters in keep.
func escaped(text, keep string) string {
	if !strings.ContainsFunc(text, controls) && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case !controls(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// controls reports whether the character may move the cursor, end a line, change the order of characters or hide text.
func controls(r rune) bool {
	const tags = 0xe0000 // Unicode's plane of invisible tags
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) || r >= tags && r < tags+0x80
}
