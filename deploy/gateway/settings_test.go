package gateway_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

// settings reads gateway.env.
func settings(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("gateway.env")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			name, value, _ := strings.Cut(line, "=")
			env[name] = value
		}
	}
	return env
}

// The gateway's limits are higher than those of the services, so that clients get the answers of the services.
func TestSettingsExceedTheServices(t *testing.T) {
	t.Parallel()
	env := settings(t)
	service, err := config.LoadFrom(config.Common{}, map[string]string{"DATABASE_URL": "postgres://u:p@h/d", "KAFKA_BROKERS": "h:1", "HTTP_ADDR": ":1"})
	if err != nil {
		t.Fatal(err)
	}
	if limit := env["GATEWAY_MAX_BODY"]; limit != "1m" || service.HTTP.MaxBodyBytes >= 1<<20 {
		t.Errorf("the gateway takes a body of %s, a service of %d bytes", limit, service.HTTP.MaxBodyBytes)
	}
	timeout, err := time.ParseDuration(env["GATEWAY_READ_TIMEOUT"])
	if err != nil || timeout <= max(service.HTTP.WriteTimeout, service.HTTP.RequestTimeout+service.HTTP.MaxWait) {
		t.Errorf("the gateway waits %s, a service takes up to %s, or %s and %s for a request that waits (%v)",
			timeout, service.HTTP.WriteTimeout, service.HTTP.RequestTimeout, service.HTTP.MaxWait, err)
	}
	if timeout < 2*adminui.DefaultBeat {
		t.Errorf("the gateway waits %s, and would cut off a stream of events that shows a sign of life every %s", timeout, adminui.DefaultBeat)
	}
}

// README.md has a table of the settings, and gateway.env has the address of each service.
func TestSettingsAreDocumented(t *testing.T) {
	t.Parallel()
	readme, env := readFile(t, "README.md"), settings(t)
	for name, value := range env {
		if row := "\n| `" + name + "` | `" + value + "` | "; strings.HasPrefix(name, "GATEWAY_") && !strings.Contains(readme, row) {
			t.Errorf("README.md has no row%s", row)
		}
	}
	for _, service := range services.Names(t) {
		if name := "GATEWAY_" + strings.ToUpper(service); !strings.HasPrefix(env[name], service+":") {
			t.Errorf("%s is %q", name, env[name])
		}
	}
}

// The templates use exactly the settings in gateway.env.
func TestTemplatesUseTheSettings(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("templates/gateway.conf.template")
	if err != nil {
		t.Fatal(err)
	}
	left := string(text)
	for name := range settings(t) {
		variable := "${" + name + "}"
		if strings.HasPrefix(name, "GATEWAY_") && !strings.Contains(left, variable) {
			t.Errorf("no template uses %s", name)
		}
		left = strings.ReplaceAll(left, variable, "")
	}
	if _, unknown, found := strings.Cut(left, "${"); found {
		name, _, _ := strings.Cut(unknown, "}")
		t.Errorf("gateway.env does not set %s", name)
	}
}
