package httpserver

import (
	"strconv"
	"strings"
	"time"

	"github.com/monsplit/monsplit/internal/headerfield"
)

// Prefer reads the preferences of a request (RFC 7240): how long the client wants to wait, or nil, and whether it wants an
// asynchronous answer. Of a preference that is given twice, the first one counts. Unknown preferences, and a value that the
// preference cannot have, are ignored.
func Prefer(header *string) (wait *time.Duration, respondAsync bool) {
	if header == nil {
		return nil, false
	}
	seen := map[string]bool{}
	for preference := range headerfield.Split(*header, ',') {
		name, value, _ := strings.Cut(headerfield.First(preference, ';'), "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), headerfield.Unquote(strings.TrimSpace(value))
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
