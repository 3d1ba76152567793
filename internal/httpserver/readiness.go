package httpserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// The states of a check and of the whole service.
const (
	ok          = "ok"
	ready       = "ready"
	degraded    = "degraded"    // it works, but an operator should look at it
	down        = "down"        // a critical check failed
	unavailable = "unavailable" // a check is down, so the service cannot work
	stopping    = "stopping"    // it will soon accept no more requests
)

// Readiness is what /readyz answers.
type Readiness struct {
	Status string        `json:"status"` // ready, degraded, unavailable or stopping
	Checks []CheckResult `json:"checks"`
}

// CheckResult is the state of one part.
type CheckResult struct {
	Name   string `json:"name"`
	Status string `json:"status"`           // ok, degraded or down
	Detail string `json:"detail,omitempty"` // what is wrong
}

// Ready reports whether every part works.
func (r Readiness) Ready() bool { return r.Status == ready }

// Usable reports whether the service works, even if some parts do not.
func (r Readiness) Usable() bool { return r.Status == ready || r.Status == degraded }

// String returns the status in one line, with every part that does not work.
func (r Readiness) String() string {
	text := r.Status
	for i, problem := range r.problems() {
		if i == 0 {
			text += ": "
		} else {
			text += "; "
		}
		text += problem
	}
	return text
}

func (r Readiness) problems() (list []string) {
	for _, c := range r.Checks {
		if c.Status != ok {
			list = append(list, c.Name+": "+strings.ReplaceAll(c.Detail, "\n", ", "))
		}
	}
	return list
}

// maxReadiness is the maximum number of bytes that are read from an answer.
const maxReadiness = 1 << 20

// AskReadiness requests /readyz from the service that listens on addr, which has the form of HTTP_ADDR. It fails if no
// service answers as /readyz does.
func AskReadiness(ctx context.Context, addr string) (Readiness, error) {
	var answer Readiness
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+ClientAddr(addr)+"/readyz", http.NoBody)
	if err != nil {
		return answer, err
	}
	// Do not use a proxy from the environment: the service listens on this machine.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReadiness))
	if err != nil {
		return answer, err
	}
	if err := strictjson.Unmarshal(body, &answer); err != nil {
		return answer, fmt.Errorf("%s does not answer as /readyz does: %s, %w", req.URL, resp.Status, err)
	}
	if answer.Status == "" {
		return answer, errors.New(req.URL.String() + " does not answer as /readyz does: there is no status")
	}
	return answer, nil
}

// ClientAddr returns the address at which a client on the same machine reaches a server that listens on addr.
func ClientAddr(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
