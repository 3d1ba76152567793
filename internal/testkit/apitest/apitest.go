// Package apitest sends requests to the HTTP API of a service under test, and reads the answers.
package apitest

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/strictjson"
)

// Client sends requests to the server at URL. What goes wrong fails the test T.
type Client struct {
	T   *testing.T
	URL string
}

// Get sends a GET. headers are names and values in turn, as for all methods.
func (c Client) Get(path string, headers ...string) Reply {
	return c.Do(http.MethodGet, path, "", headers...)
}

// Delete sends a DELETE.
func (c Client) Delete(path string, headers ...string) Reply {
	return c.Do(http.MethodDelete, path, "", headers...)
}

// Post sends a POST.
func (c Client) Post(path, body string, headers ...string) Reply {
	return c.Do(http.MethodPost, path, body, headers...)
}

// Put sends a PUT.
func (c Client) Put(path, body string, headers ...string) Reply {
	return c.Do(http.MethodPut, path, body, headers...)
}

// Patch sends a PATCH.
func (c Client) Patch(path, body string, headers ...string) Reply {
	return c.Do(http.MethodPatch, path, body, headers...)
}

// Do sends a request. Without a Content-Type header, the body has the usual media type of the method.
func (c Client) Do(method, path, body string, headers ...string) Reply {
	c.T.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(c.T.Context(), method, c.URL+path, content)
	if err != nil {
		c.T.Fatal(err)
	}
	for pair := range slices.Chunk(headers, 2) {
		req.Header.Add(pair[0], pair[1])
	}
	switch {
	case req.Header.Get("Content-Type") != "":
	case method == http.MethodPatch:
		req.Header.Set("Content-Type", "application/merge-patch+json")
	case method == http.MethodPost, method == http.MethodPut:
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.T.Errorf("%s %s: %v", method, path, err) // not Fatal: tests call this in other goroutines too
		return Reply{t: c.T}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.T.Errorf("%s %s: %v", method, path, err)
	}
	return Reply{t: c.T, request: method + " " + path, Status: res.StatusCode, Headers: res.Header, Text: string(text)}
}

// Reply is an answer.
type Reply struct {
	t       *testing.T
	request string
	Status  int
	Headers http.Header
	Text    string
}

// Header returns the first header of the name, or "".
func (r Reply) Header(name string) string { return r.Headers.Get(name) }

// Must ends the test unless the answer has the status.
func (r Reply) Must(status int) Reply {
	r.t.Helper()
	if r.Status != status {
		r.t.Fatalf("%s: %d, want %d\n%s", r.request, r.Status, status, r.Text)
	}
	return r
}

// Problem fails the test unless the answer is a problem of the status and the name, and gives nothing internal away.
func (r Reply) Problem(status int, name string) {
	r.t.Helper()
	r.Must(status)
	p := r.Object()
	if r.Header("Content-Type") != "application/problem+json" || p["type"] != httpserver.ProblemBase+name ||
		p["status"] != float64(status) || p["request_id"] != r.Header("X-Request-Id") || p["request_id"] == "" {
		r.t.Errorf("%s: %s %s, want %s", r.request, r.Header("Content-Type"), r.Text, name)
	}
	if strings.Contains(r.Text, "SQLSTATE") || strings.Contains(r.Text, "pgx") {
		r.t.Errorf("an internal message: %s", r.Text)
	}
}

// Pointers returns the pointers of a problem's faults, sorted, with spaces between them.
func (r Reply) Pointers() string {
	r.t.Helper()
	var list []string
	faults, _ := r.Object()["errors"].([]any)
	for _, f := range faults {
		list = append(list, f.(map[string]any)["pointer"].(string))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// Names returns the names of all listed items, with the separator between them.
func (r Reply) Names(separator string) string {
	r.t.Helper()
	var names []string
	for _, item := range r.List() {
		names = append(names, item["name"].(string))
	}
	return strings.Join(names, separator)
}

// Next returns the target of the Link with rel="next", or "".
func (r Reply) Next() string {
	r.t.Helper()
	link := r.Header("Link")
	if link == "" {
		return ""
	}
	target, ok := strings.CutSuffix(link, `>; rel="next"`)
	if !ok || !strings.HasPrefix(target, "</") {
		r.t.Fatalf("Link %s", link)
	}
	return target[1:]
}

// Object returns the body, which is a JSON object.
func (r Reply) Object() map[string]any {
	r.t.Helper()
	var v map[string]any
	r.decode(&v)
	return v
}

// List returns the body, which is a JSON array of objects.
func (r Reply) List() []map[string]any {
	r.t.Helper()
	var v []map[string]any
	r.decode(&v)
	return v
}

func (r Reply) decode(into any) {
	r.t.Helper()
	if err := strictjson.Unmarshal([]byte(r.Text), into); err != nil {
		r.t.Fatalf("%s: %v\n%s", r.request, err, r.Text)
	}
}
