package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"
)

// client waits longer than any service does.
var client = &http.Client{Timeout: 50 * time.Second}

// hasty gives up soon. It is for writers that must go on although a service is paused.
var hasty = &http.Client{Timeout: 5 * time.Second}

// reply is an answer with its decoded JSON body: a map, or a slice for lists.
type reply struct {
	status int
	header http.Header
	raw    string
	object map[string]any
	list   []map[string]any
}

// call sends a request. The body may be nil. The header has names and values in turn.
func call(t *testing.T, method, url string, body any, header ...string) reply {
	t.Helper()
	r, err := try(t, method, url, body, header...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return r
}

// try is like call, for tests in which the service may be unreachable.
func try(t *testing.T, method, url string, body any, header ...string) (reply, error) {
	t.Helper()
	return tryBy(t, client, method, url, body, header...)
}

func tryBy(t *testing.T, client *http.Client, method, url string, body any, header ...string) (reply, error) {
	t.Helper()
	var in io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, in)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case method == http.MethodPatch:
		req.Header.Set("Content-Type", "application/merge-patch+json")
	case body != nil:
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}, err
	}
	r := reply{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	if err := json.Unmarshal(raw, &r.object); err != nil {
		_ = json.Unmarshal(raw, &r.list) // if the body is neither, both are empty, and a test that needs one prints raw
	}
	return r, nil
}

// begin sends a request in the background. If there is no answer, the reply has the status 0.
func begin(t *testing.T, method, url string, body any, header ...string) <-chan reply {
	t.Helper()
	answer := make(chan reply, 1)
	go func() {
		r, err := try(t, method, url, body, header...)
		if err != nil {
			r = reply{raw: err.Error()}
		}
		answer <- r
	}()
	return answer
}

// must fails the test unless the answer has this status.
func (r reply) must(t *testing.T, status int) reply {
	t.Helper()
	if r.status != status {
		t.Fatalf("status %d, want %d: %s", r.status, status, r.raw)
	}
	return r
}

// status returns the status code of a GET, or 0 if there is no answer.
func status(url string) int {
	resp, err := client.Get(url) //nolint:noctx // the client's time-out limits it
	if err != nil {
		return 0
	}
	_ = resp.Body.Close() // nothing was read
	return resp.StatusCode
}
