package apiclient

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Problem is an error answer: problem details (RFC 9457). An answer of 400 and above without problem details, such as one
// from another gateway, is a Problem too, of type about:blank. A change that was refused after a 202 has a Problem as well.
type Problem struct {
	Type      string  `json:"type"`   // an identifier to compare with, not an address; see Name
	Title     string  `json:"title"`  // the status in words
	Status    int     `json:"status"` // the HTTP status
	Detail    string  `json:"detail"` // what happened, for a person
	Instance  string  `json:"instance"`
	RequestID string  `json:"request_id"` // the id of the request in the service's log
	Errors    []Fault `json:"errors"`     // all faults of the input

	// RetryAfter is the time to wait before the next try, or 0 if the service sends no Retry-After.
	RetryAfter time.Duration `json:"-"`

	method, url string
}

// Fault is one fault of the input.
type Fault struct {
	Pointer string `json:"pointer"` // JSON pointer (RFC 6901) into the body; /query/NAME or /header/NAME for a parameter
	Detail  string `json:"detail"`
}

// maxProblem limits the number of bytes that are read from an error answer.
const maxProblem = 1 << 20

// Name returns the end of the type: one of the constants, such as Stale, or "about:blank" if the answer does not come from
// the service.
func (p *Problem) Name() string { return p.Type[strings.LastIndexByte(p.Type, '/')+1:] }

// IsProblem reports whether an error is a problem with that name.
func IsProblem(err error, name string) bool {
	problem, ok := errors.AsType[*Problem](err)
	return ok && problem.Name() == name
}

// Error returns one line with everything that a person needs to act on the problem.
func (p *Problem) Error() string {
	var text strings.Builder
	if p.method != "" {
		fmt.Fprintf(&text, "%s %s: ", p.method, p.url)
	}
	fmt.Fprintf(&text, "%d %s", p.Status, p.Title)
	if p.Detail != "" {
		fmt.Fprintf(&text, ": %s", p.Detail)
	}
	for i, fault := range p.Errors {
		fmt.Fprintf(&text, "%s %s", separator(i), strings.TrimSpace(fault.Pointer+" "+fault.Detail))
	}
	if p.RequestID != "" {
		fmt.Fprintf(&text, " (request %s)", p.RequestID)
	}
	return text.String()
}

func separator(i int) string {
	if i == 0 {
		return ""
	}
	return ";"
}

// readProblem never fails. It leaves out what it cannot read. The status is always the status of the answer.
func readProblem(request *http.Request, response *http.Response) *Problem {
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxProblem)) // an incomplete answer still has a status
	problem := new(Problem)
	if isJSON(response) {
		_ = json.Unmarshal(body, problem) // members of another type are ignored: other servers use the same names for other types
	}
	problem.Errors = slices.DeleteFunc(problem.Errors, func(f Fault) bool { return f == Fault{} })
	problem.Type = cmp.Or(problem.Type, "about:blank") // RFC 9457, section 4.2.1
	problem.Title = cmp.Or(problem.Title, http.StatusText(response.StatusCode))
	problem.Status = response.StatusCode
	problem.RetryAfter = retryAfter(response.Header.Get("Retry-After"))
	problem.method, problem.url = request.Method, request.URL.Redacted()
	return problem
}

// retryAfter reads both forms of the header (RFC 9110, section 10.2.3).
func retryAfter(header string) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// isJSON requires lower case, as the services write it. Generated code checks for it, and ignores a body of another type.
func isJSON(response *http.Response) bool {
	contentType := response.Header.Get("Content-Type")
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && strings.HasPrefix(contentType, media) && (media == "application/json" || strings.HasSuffix(media, "+json"))
}
