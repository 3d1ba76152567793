package apiclient

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Problem is an error answer: problem details (RFC 9457). An answer of 400 and above that has none, as a gateway's own,
// is a Problem too, of type about:blank. docs/problems.md lists the types.
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

// Name is the end of the type, such as "stale" or "invalid"; "about:blank" for an answer that is not the service's own.
func (p *Problem) Name() string { return p.Type[strings.LastIndexByte(p.Type, '/')+1:] }

// Error is one line with everything that a person needs to act on it.
func (p *Problem) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s: %d %s", p.method, p.url, p.Status, p.Title)
	if p.Detail != "" {
		fmt.Fprintf(&text, ": %s", p.Detail)
	}
	for i, fault := range p.Errors {
		fmt.Fprintf(&text, "%s %s %s", separator(i), fault.Pointer, fault.Detail)
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
	if !isJSON(response) || json.Unmarshal(body, problem) != nil || problem.Type == "" {
		problem = &Problem{Type: "about:blank"}
	}
	if problem.Title == "" {
		problem.Title = http.StatusText(response.StatusCode)
	}
	problem.Status = response.StatusCode
	problem.method, problem.url = request.Method, request.URL.Redacted()
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		problem.RetryAfter = time.Duration(seconds) * time.Second
	}
	return problem
}

func isJSON(response *http.Response) bool {
	media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
}
