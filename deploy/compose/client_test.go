//go:build compose

package compose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// url returns the URL of a path at one of the gateway's three addresses: GATEWAY_PORT, MONOLITH_PORT or CATALOG_PORT.
func (s *stack) url(port, path string) string { return "http://localhost:" + s.env[port] + path }

// ask sends a request to the gateway's common address and returns the status and the body of the answer.
func (s *stack) ask(method, path string, body any, header ...string) (int, []byte, error) {
	return s.askAt("GATEWAY_PORT", method, path, body, header...)
}

func (s *stack) askAt(port, method, path string, body any, header ...string) (int, []byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url(port, path), bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	if body == nil {
		req.Body = http.NoBody
		req.ContentLength = 0
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// object is a JSON object in a request or an answer.
type object map[string]any

// change sends a request. It fails the test unless the answer has the wanted status.
func (s *stack) change(method, path string, body any, want int) object {
	s.t.Helper()
	status, text, err := s.ask(method, path, body)
	if err != nil || status != want {
		s.t.Fatalf("%s %s: %d, want %d (%v)\n%s", method, path, status, want, err, text)
	}
	var answer object
	if len(text) > 0 {
		if err := json.Unmarshal(text, &answer); err != nil {
			s.t.Fatalf("%s %s: %v\n%s", method, path, err, text)
		}
	}
	return answer
}

// list returns the items of one answer. Without a limit, this is the whole list in the monolith, and a page in the catalog.
func (s *stack) list(path string) (items []object, err error) {
	status, text, err := s.ask(http.MethodGet, path, nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the answer is %d: %s", status, text)
	}
	if err == nil {
		err = json.Unmarshal(text, &items)
	}
	return items, err
}

func (s *stack) createProduct(name string) object {
	s.t.Helper()
	return s.change(http.MethodPost, "/api/v1/product", object{"name": name, "product_category": "Tests"}, http.StatusCreated)
}

func (s *stack) patchProduct(p object, change object) {
	s.t.Helper()
	s.change(http.MethodPatch, "/api/v1/product/"+number(p["id"]), change, http.StatusOK)
}

// awaitCopy waits until every service with a copy of the products has one with this name.
func (s *stack) awaitCopy(name string) {
	s.t.Helper()
	for service, path := range copies(s.t) {
		eventually(s.t, "the "+service+" has "+name, func() error {
			found, err := s.list(path + "?search=" + url.QueryEscape(name))
			if err == nil && len(found) != 1 {
				err = fmt.Errorf("%d products", len(found))
			}
			return err
		})
	}
}

func number(v any) string { return strconv.FormatFloat(v.(float64), 'f', -1, 64) }
