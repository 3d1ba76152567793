package compose

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/httpserver"
)

// A web page can let its own host name lead to the gateway's port on a developer's machine (DNS rebinding). The services know the
// names under which people, containers and monitoring call them, and refuse others.
func TestServicesRefuseForeignNames(t *testing.T) {
	t.Parallel()
	for setting, others := range map[string]map[string]bool{ // other hosts, and whether they are allowed
		"":             {"evil.example:8080": false, "shop.example": false},
		"shop.example": {"evil.example": false, "shop.example": true},
		"*":            {"evil.example": true},
	} {
		project := load(t, map[string]string{"HTTP_ALLOWED_HOSTS": setting})
		for container, service := range containersOf(project) {
			allowed := project.Services[container].Environment["HTTP_ALLOWED_HOSTS"]
			if allowed == nil {
				t.Errorf("%s has no HTTP_ALLOWED_HOSTS", container)
				continue
			}
			handler := httpserver.New(httpserver.Config{
				Addr: ":8000", AllowedHosts: strings.Split(*allowed, ","), Registry: prometheus.NewRegistry(),
			}, slog.New(slog.DiscardHandler)).Handler()
			answers := func(host string) bool {
				req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/livez", http.NoBody)
				req.Host = host
				answer := httptest.NewRecorder()
				handler.ServeHTTP(answer, req)
				if !slices.Contains([]int{http.StatusOK, http.StatusMisdirectedRequest}, answer.Code) {
					t.Errorf("%s answers %d to the host %q", container, answer.Code, host)
				}
				return answer.Code == http.StatusOK
			}
			for _, host := range []string{"localhost:8080", "localhost", "127.0.0.1:8000", "172.30.99.130:8000", "gateway:8080", service + ":8000"} {
				if !answers(host) {
					t.Errorf("%s with HTTP_ALLOWED_HOSTS=%s refuses the host %s", container, *allowed, host)
				}
			}
			for host, want := range others {
				if answers(host) != want {
					t.Errorf("%s with HTTP_ALLOWED_HOSTS=%s allows the host %s: %t, want %t", container, *allowed, host, !want, want)
				}
			}
		}
	}
}
