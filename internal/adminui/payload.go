package adminui

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// Payload is the content of a message, for people.
type Payload struct {
	Pretty string // with indents; empty if it is not JSON
	Raw    string
	Cut    bool // only the beginning is shown
}

// mostShown is how many bytes of a payload a page shows, so that a page is small.
const mostShown = 8 << 10

// NewPayload returns a payload as a page shows it.
func NewPayload(text string) Payload {
	pretty := Indented(text)
	return Payload{
		Pretty: Beginning(pretty, mostShown), Raw: Beginning(text, mostShown), Cut: len(text) > mostShown || len(pretty) > mostShown,
	}
}

// Indented returns JSON with indents, and other texts as "".
func Indented(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return ""
	}
	return b.String()
}

// Beginning returns at most so many bytes of a text, with whole characters.
func Beginning(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
