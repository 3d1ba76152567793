//go:build !realkafka

package e2e

import (
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/services"
)

// The commands of these tests use no broker. make test runs them. A run on a real Kafka would only repeat them.

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, service := range services.Names(t) {
		for _, args := range []string{"", "serve", "migrate", "import", "outbox", "outbox status", "outbox list", "outbox republish", "dead-letters", "dead-letters list",
			"dead-letters show", "dead-letters replay", "dead-letters discard", "copy verify", "copy conflicts", "audit list", "token", "token create", "token list", "token revoke", "admin", "admin user", "admin user create", "admin user reset-password", "admin user disable", "admin user enable", "admin user list", "history list", "history erase", "adopt", "consumer reset", "validate-config", "version"} {
			t.Run(service+" "+args, func(t *testing.T) {
				t.Parallel()
				r := command(t, nil, service, append(strings.Fields(args), "--help")...).ok(t)
				if !contains(r.stdout, "Usage:") {
					t.Errorf("%s %s --help prints %q", service, args, r.stdout)
				}
			})
		}
		if r := command(t, nil, service, "nonsense"); r.code == 0 || !contains(r.stderr, "unknown command") {
			t.Errorf("%s nonsense: %+v", service, r)
		}
		if r := command(t, nil, service, "version").ok(t); !contains(r.stdout, service) {
			t.Errorf("%s version prints %q", service, r.stdout)
		}
	}
}

// All faults of the configuration are reported at once, and secrets are masked.
func TestValidateConfig(t *testing.T) {
	t.Parallel()
	r := command(t, []string{"DATABASE_URL=", "KAFKA_BROKERS=", "LOG_LEVEL=loud", "SHUTDOWN_GRACE=soon"}, "monolith", "validate-config")
	if r.code == 0 {
		t.Fatalf("accepted: %s", r.stdout)
	}
	for _, name := range []string{"DATABASE_URL", "KAFKA_BROKERS", "LOG_LEVEL", "SHUTDOWN_GRACE"} {
		if !contains(r.stderr, name) {
			t.Errorf("%s is not named in:\n%s", name, r.stderr)
		}
	}
	r = command(t, []string{"DATABASE_URL=postgres://me:secret@127.0.0.1/db", "KAFKA_BROKERS=127.0.0.1:9092"}, "catalog", "validate-config").ok(t)
	if contains(r.stdout+r.stderr, "secret") || !contains(r.stdout, "DATABASE_URL") {
		t.Errorf("printed %s%s", r.stdout, r.stderr)
	}
}
