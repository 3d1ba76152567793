package httpserver_test

import (
	"strings"
	"testing"
)

// What a client sends must not fill the log.
func TestTheLogStaysInProportion(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	long := strings.Repeat("ä", 1000)
	b.do("BREW"+strings.Repeat("X", 5000), "/it/"+long, "X-Forwarded-For", long, "X-Request-Id", strings.Repeat("x", 5000), "Traceparent", long)
	b.logs("BREWX")
	logged := b.log.String()
	if len(logged) > 2000 || !strings.Contains(logged, "BREWX") || !strings.Contains(logged, "/it/ää") || !strings.Contains(logged, "ä…") {
		t.Errorf("%d bytes: %s", len(logged), logged)
	}
}
