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

// Problem is an error answer: problem details (RFC 9457). An answer of 400 and above that has none, as a gateway's own,
// is a Problem too, of type about:blank.
type Problem struct {
	Type      string  `json:"type"`   // an identifier to compare with, not an address; see Name
	Title     string  `json:"title"`  // the status in words
	Status    int     `json:"status"` // the HTTP status
	Detail    string  `json:"detail"` // what happened, for a person
	Instance  string  `json:"instance"`
	RequestID string  `json:"request_id"` // names the request in the service's log
	Errors    []Fault `json:"errors"`     // every fault of the input

	// RetryAfter is how long to wait before the same request is worth sending again; 0 when the service does not say.
	RetryAfter time.Duration `json:"-"`

	method, url string
}

// Fault is one fault of the input.
type Fault struct {
	Pointer string `json:"pointer"` // JSON pointer (RFC 6901) into the body; /query/NAME or /header/NAME for a parameter
	Detail  string `json:"detail"`
}

// maxProblem bounds what is read of an error answer.
const maxProblem = 1 << 20

// Name is the end of the type: one of the constants, such as Stale, or "about:blank" for an answer that is not the
// service's own.
func (p *Problem) Name() string { return p.Type[strings.LastIndexByte(p.Type, '/')+1:] }

// IsProblem says whether an error is a problem of that name.
func IsProblem(err error, name string) bool {
	problem, ok := errors.AsType[*Problem](err)
	return ok && problem.Name() == name
}

// Error is one line with everything that a person needs to act on it.
func (p *Problem) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s: %d %s", p.method, p.url, p.Status, p.Title)
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

// readProblem never fails: whatever cannot be read is left out, and the status is always the answer's own.
func readProblem(request *http.Request, response *http.Response) *Problem {
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxProblem)) // a cut answer still has a status
	problem := new(Problem)
	if isJSON(response) {
		_ = json.Unmarshal(body, problem) // reads what fits: others put values of other types under the same names
	}
	problem.Errors = slices.DeleteFunc(problem.Errors, func(f Fault) bool { return f == Fault{} })
	problem.Type = cmp.Or(problem.Type, "about:blank") // as RFC 9457 says
	problem.Title = cmp.Or(problem.Title, http.StatusText(response.StatusCode))
	problem.Status = response.StatusCode
	problem.RetryAfter = retryAfter(response.Header.Get("Retry-After"))
	problem.method, problem.url = request.Method, request.URL.Redacted()
	return problem
}

// retryAfter reads either form of the header (RFC 9110, section 10.2.3).
func retryAfter(header string) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// isJSON wants the small letters that the services write: generated code looks for them, and takes others for no body.
func isJSON(response *http.Response) bool {
	contentType := response.Header.Get("Content-Type")
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && strings.HasPrefix(contentType, media) && (media == "application/json" || strings.HasSuffix(media, "+json"))
}
