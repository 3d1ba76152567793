package httpserver

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// Check is the check of one part of the service, such as the database. /readyz asks all of them.
type Check struct {
	Name string
	// Critical means that the service is not ready (503) if this part fails. If another part fails, the service works, but
	// it is degraded.
	Critical bool
	// Ask returns nil if the part works, and otherwise an error that tells an operator what is wrong.
	Ask func(ctx context.Context) error
}

// checkTimeout limits the time that a check may take.
const checkTimeout = 2 * time.Second

func (s *Server) livez(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "alive"})
}

func (s *Server) readyz(c echo.Context) error {
	if s.stopping.Load() {
		c.Response().Header().Set("Retry-After", retryAfter())
		return c.JSON(http.StatusServiceUnavailable, Readiness{Status: stopping, Checks: []CheckResult{}})
	}
	results, err := s.checked.ask(c.Request().Context())
	if err != nil {
		return err
	}
	answer, status := summary(results)
	if status == http.StatusServiceUnavailable {
		c.Response().Header().Set("Retry-After", retryAfter())
	}
	return c.JSON(status, answer)
}

// summary returns what /readyz answers, and its status.
func summary(results []CheckResult) (answer Readiness, status int) {
	answer, status = Readiness{Status: ready, Checks: results}, http.StatusOK
	for _, r := range results {
		switch {
		case r.Status == down:
			answer.Status, status = unavailable, http.StatusServiceUnavailable
		case r.Status == degraded && answer.Status == ready:
			answer.Status = degraded
		}
	}
	return answer, status
}

// Check returns the state of each part, as /readyz does.
func (s *Server) Check(ctx context.Context) ([]CheckResult, error) { return s.checked.ask(ctx) }

// Works reports whether nothing is wrong with the part.
func (r CheckResult) Works() bool { return r.Status == ok }

func (s *Server) askAll(ctx context.Context) []CheckResult {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	results := make([]CheckResult, len(s.checks))
	var wg sync.WaitGroup
	for i, check := range s.checks {
		wg.Go(func() {
			results[i] = CheckResult{Name: check.Name, Status: ok}
			if err := check.Ask(ctx); err != nil {
				results[i].Status, results[i].Detail = degraded, err.Error()
				if check.Critical {
					results[i].Status = down
				}
			}
		})
	}
	wg.Wait()
	return results
}
