package httpserver_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// people is a site that shows problems.
type people struct{}

func (people) ServeHTTP(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Method) }

func (people) ServeProblem(w http.ResponseWriter, _ *http.Request, p httpserver.Problem) {
	w.WriteHeader(p.Status)
	fmt.Fprintf(w, "<p>%s", p.Detail)
}

// What the server refuses for a site, the site shows to people, with the headers of the status. A path beside it gives JSON.
func TestASiteShowsProblems(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		target       string
		body         io.Reader
		available    error
		places, want int
		header, text string
	}{
		"nothing to refuse": {"/admin/x", http.NoBody, nil, 1, 200, "", "POST"},
		"too large":         {"/admin", strings.NewReader(strings.Repeat("a", 1<<17)), nil, 1, 413, "", "<p>The body is larger"},
		"too slow":          {"/admin", iotest.ErrReader(os.ErrDeadlineExceeded), nil, 1, 408, "Connection", "<p>The body did not arrive in time"},
		"broken off":        {"/admin", iotest.ErrReader(io.ErrUnexpectedEOF), nil, 1, 400, "", "<p>The body did not arrive completely"},
		"not ready":         {"/admin", http.NoBody, apperr.New(apperr.Unavailable, "not ready"), 1, 503, "Retry-After", "<p>not ready"},
		"too many":          {"/admin", http.NoBody, nil, 0, 503, "Retry-After", "<p>"},
		"beside":            {"/administrator", http.NoBody, nil, 1, 404, "", `"status":404`},
	} {
		gate := admission.New(admission.Settings{Writes: 1}, admission.Entities{})
		if tt.places == 0 {
			_, leave, err := gate.Enter(t.Context(), admission.Write, "")
			if err != nil {
				t.Fatal(err)
			}
			defer leave(nil)
		}
		s := httpserver.New(httpserver.Config{Registry: prometheus.NewRegistry()}, slog.New(slog.DiscardHandler))
		s.Handle("/admin", people{}, func() error { return tt.available }, gate)
		answer := httptest.NewRecorder()
		s.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, tt.target, tt.body))
		if answer.Code != tt.want || !strings.Contains(answer.Body.String(), tt.text) || tt.header != "" && answer.Header().Get(tt.header) == "" {
			t.Errorf("%s: %d %v %s", name, answer.Code, answer.Header(), answer.Body)
		}
	}
}
