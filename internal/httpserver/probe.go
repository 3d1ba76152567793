package httpserver

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Thousands of probes may come at once, and each other request then waits for them. So an answer that is known already is sent
// before the router and the middlewares have any work with it. The answer, the metrics and the id are the same as theirs.

// alive is what /livez answers.
var alive = encoded(map[string]string{"status": "alive"}) //nolint:gochecknoglobals // a constant

// encoded returns what Echo would send.
func encoded(value any) []byte {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(value); err != nil {
		panic("an answer to a probe cannot be encoded: " + err.Error())
	}
	return b.Bytes()
}

// known is an answer to a probe.
type known struct {
	status int
	text   []byte
}

// knownAnswer returns the answer to a request, or nil if it is not a plain probe, or if its answer has to be found out.
func (s *Server) knownAnswer(req *http.Request, guard *browserGuard) *known {
	isReadiness, isProbe := s.probes[req.URL.Path]
	switch {
	case !isProbe, req.Method != http.MethodGet, req.URL.RawQuery != "", req.URL.RawPath != "", s.stopping.Load():
	case guard != nil && !guard.allows(req.Host):
	case s.log.Enabled(req.Context(), slog.LevelDebug): // the log then has the probes
	case !isReadiness:
		return &known{http.StatusOK, alive}
	default:
		return s.checked.known()
	}
	return nil
}

// probed answers the probes whose answer is known. next answers all other requests.
func (s *Server) probed(next http.Handler, guard *browserGuard) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		began := time.Now()
		answer := s.knownAnswer(req, guard)
		if answer == nil {
			next.ServeHTTP(w, req)
			return
		}
		id := req.Header.Get(headerRequestID)
		if !saneID(id) {
			id = uuid.NewString()
		}
		header := w.Header()
		header.Set(headerRequestID, id)
		setProtection(header)
		header.Set("Content-Type", "application/json")
		if answer.status == http.StatusServiceUnavailable {
			header.Set("Retry-After", retryAfter())
		}
		w.WriteHeader(answer.status)
		_, _ = w.Write(answer.text) // a client that has gone away needs no answer
		s.duration.WithLabelValues(methodOf(req), req.URL.Path, strconv.Itoa(answer.status)).Observe(time.Since(began).Seconds())
	})
}
