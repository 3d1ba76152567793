package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/postgres"
)

// A URL has more than one place for a password. What cannot be masked is not shown, and refused.
func TestURL(t *testing.T) {
	t.Parallel()
	const hidden = "***"
	for text, want := range map[string]string{
		"postgres://db/monolith":                           "postgres://db/monolith",
		"postgresql://me:secret@db:5432/a?sslmode=prefer":  "postgresql://me:xxxxx@db:5432/a?sslmode=prefer",
		"postgres:///a?host=/run/postgresql":               "postgres:///a?host=%2Frun%2Fpostgresql",
		"postgres://db/a?password=secret":                  "postgres://db/a?password=xxxxx",
		"postgres://db/a?password=secret&password=secret":  "postgres://db/a?password=xxxxx",
		"postgres://db/a?pasword=secret&connect_timeout=3": "postgres://db/a?connect_timeout=3&pasword=xxxxx",
		"postgres://me:sec%23ret%2F@db/a":                  "postgres://me:xxxxx@db/a",
		// refused
		"postgres://db/a?PASSWORD=secret":             hidden,
		"postgres://db/a?Password=secret":             hidden,
		"postgres://db/a#secret":                      hidden,
		"postgres://db/a?b=c#password=secret":         hidden,
		"postgres://me:12#secret@db/a":                hidden,
		"postgres://me:12?secret@db/a":                hidden,
		"postgres://me:12/secret@db/a":                hidden,
		"postgres://me:12/secret@db":                  hidden,
		"postgres://me:sec ret@db":                    hidden,
		"postgres://db/a?sslmode=%zz&password=secret": hidden,
		"postgres://db/a?a=b;password=secret":         hidden,
		"postgres:secret":                             hidden,
		"host=db password=secret":                     hidden,
		"mysql://me:secret@db/a":                      hidden,
		"secret":                                      hidden,
	} {
		shown := postgres.MaskedURL(text)
		if shown != want || strings.Contains(shown, "secret") {
			t.Errorf("%s is shown as %q, want %q", text, shown, want)
		}
		var faults strings.Builder
		postgres.Settings{URL: text, MaxConns: 16, ConnectionWait: time.Second, LockTimeout: time.Second, ListTimeout: time.Second}.Validate(func(ok bool, variable, detail string, args ...any) {
			if !ok {
				fmt.Fprintf(&faults, variable+" "+detail+"\n", args...)
			}
		})
		if refused := faults.Len() > 0; refused != (want == hidden) || strings.Contains(faults.String(), "secret") || strings.Contains(faults.String(), "%!") {
			t.Errorf("%s: faults %q", text, faults.String())
		}
	}
	if postgres.MaskedURL("") != "" {
		t.Error("a setting without a value is shown with one")
	}
}

// The driver's error has the URL, and cannot mask every form of it.
func TestErrorsHideTheURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"postgres://db:999999/a?PASSWORD=secret", "host=db port=999999 Password=secret", "postgres://me:12?secret@db:x"} {
		_, opened := postgres.Open(t.Context(), postgres.Config{URL: url})
		for _, err := range []error{opened, postgres.Migrate(t.Context(), url, quiet)} {
			if err == nil || strings.Contains(err.Error(), "secret") || strings.HasSuffix(err.Error(), ": ") {
				t.Errorf("%s: %v", url, err)
			}
		}
	}
}

// The parameters of the pool are checked too.
func TestParametersOfThePool(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), postgres.Config{URL: "postgres://db/a?pool_max_conns=secret"})
	if err == nil || !strings.HasSuffix(err.Error(), "parameters") {
		t.Errorf("got %v", err)
	}
}
