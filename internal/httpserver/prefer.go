package httpserver

import (
	"strconv"
	"strings"
	"time"
)

// Prefer reads the preferences of a request (RFC 7240): how long the client wants to wait, or nil, and whether it wants an
// asynchronous answer. Of a preference that is given twice, the first one counts. Unknown preferences, and a value that the
// preference cannot have, are ignored.
func Prefer(header *string) (wait *time.Duration, respondAsync bool) {
	if header == nil {
		return nil, false
	}
	seen := map[string]bool{}
	for preference := range split(*header, ',') {
		name, value, _ := strings.Cut(firstOf(preference, ';'), "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), unquoted(strings.TrimSpace(value))
		if seen[name] {
			continue
		}
		seen[name] = true
		switch name {
		case "wait":
			wait = deltaSeconds(value)
		case "respond-async":
			respondAsync = value == ""
		}
	}
	return wait, respondAsync
}

// PreferenceApplied returns the value of a header Preference-Applied for a wait that the client asked for and that was
// granted in whole seconds.
func PreferenceApplied(wait time.Duration) string {
	return "wait=" + strconv.FormatInt(int64(wait/time.Second), 10)
}

// maxDelta is more than any wait that a server grants, and less than what a time.Duration can hold.
const maxDelta = 1 << 31

// deltaSeconds reads a number of seconds (RFC 9111, section 1.2.2), or returns nil.
func deltaSeconds(text string) *time.Duration {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > maxDelta {
		n = maxDelta
	}
	d := time.Duration(n) * time.Second
	return &d
}

// unquoted returns the content of a quoted string (RFC 9110, section 5.6.4), and any other text unchanged.
func unquoted(text string) string {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return text
	}
	var b strings.Builder
	escaped := false
	for _, r := range text[1 : len(text)-1] {
		if r == '\\' && !escaped {
			escaped = true
			continue
		}
		escaped = false
		b.WriteRune(r)
	}
	return b.String()
}

// firstOf returns the text before the first separator that is not in quotes.
func firstOf(text string, separator byte) string {
	for part := range split(text, separator) {
		return part
	}
	return ""
}

// split yields the parts of a text, without the space around them. A separator in a quoted string does not separate.
func split(text string, separator byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		quoted, escaped, begin := false, false, 0
		for i := range len(text) + 1 {
			end := i == len(text)
			switch {
			case end || text[i] == separator && !quoted:
				if !yield(strings.TrimSpace(text[begin:i])) {
					return
				}
				begin = i + 1
			case escaped:
				escaped = false
			case quoted && text[i] == '\\':
				escaped = true
			case text[i] == '"':
				quoted = !quoted
			}
		}
	}
}
