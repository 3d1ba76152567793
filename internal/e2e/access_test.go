//go:build !realkafka

package e2e

// Who may call an API does not depend on the broker. So these tests run with make test alone.

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/api/client/go/monolithclient"
)

// createToken creates a token by the command, and returns it with its secret.
func createToken(t *testing.T, env []string, service, name, scopes string) (id int64, secret string) {
	t.Helper()
	r := command(t, env, service, "token", "create", "--name", name, "--scope", scopes, "--json").ok(t)
	var token struct {
		ID     int64
		Secret string
	}
	if err := json.Unmarshal([]byte(r.stdout), &token); err != nil {
		t.Fatal(err)
	}
	return token.ID, token.Secret
}

// An operator switches tokens on. From then on, clients need one. It decides what they may do and whose their idempotency keys
// are, and a revoked token is of no use.
func TestClientsWithTokens(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith = s.startMonolith("ACCESS_PREFIXES=/api/v1", "ACCESS_TOKEN_RATE=0", "LOG_LEVEL=debug")
	env := s.env(s.monolithDB)
	client := func(options ...apiclient.Option) *monolithclient.Client {
		t.Helper()
		c, err := monolithclient.New(s.monolith.url(""), append(options, apiclient.WithTimeout(patience))...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	id, shopSecret := createToken(t, env, "monolith", "shop", "read,write")
	_, reportSecret := createToken(t, env, "monolith", "report", "read")
	_, otherSecret := createToken(t, env, "monolith", "other shop", "read,write")
	shop, report, other := client(apiclient.WithToken(shopSecret)), client(apiclient.WithToken(reportSecret)), client(apiclient.WithToken(otherSecret))

	chair := monolithclient.ProductInput{Name: "Chair", ProductCategory: "Furniture"}
	key := apiclient.IdempotencyKey("one and the same")
	first, err := shop.CreateProductWithResponse(t.Context(), nil, chair, key)
	if err != nil {
		t.Fatal(err)
	}
	again, err := shop.CreateProductWithResponse(t.Context(), nil, chair, key)
	if err != nil || again.JSON201.ID != first.JSON201.ID {
		t.Errorf("the same caller again: %+v, %v", again, err)
	}
	_, err = other.CreateProductWithResponse(t.Context(), nil, chair, key)
	refusedAs(t, err, apiclient.ProductExists) // another caller gets no answer of the first one
	if read, err := report.GetProductWithResponse(t.Context(), first.JSON201.ID, nil); err != nil || read.JSON200.Name != "Chair" {
		t.Errorf("%+v, %v", read, err)
	}
	_, err = report.DeleteProductWithResponse(t.Context(), first.JSON201.ID, nil)
	refusedAs(t, err, apiclient.ScopeMissing)
	_, err = client().GetProductWithResponse(t.Context(), first.JSON201.ID, nil)
	refusedAs(t, err, apiclient.TokenMissing)

	command(t, env, "monolith", "token", "revoke", "1", "--reason", "it was published").ok(t)
	if id != 1 {
		t.Fatalf("the first token has the id %d", id)
	}
	eventually(t, "the revoked token is refused", func() bool {
		_, err = shop.GetProductWithResponse(t.Context(), first.JSON201.ID, nil)
		return apiclient.IsProblem(err, apiclient.TokenInvalid)
	})
	log := s.monolith.log.String()
	for _, secret := range []string{shopSecret, reportSecret, otherSecret} {
		if strings.Contains(log, secret) {
			t.Error("the log has a secret")
		}
	}
	if !strings.Contains(log, `caller="token report"`) {
		t.Error("the log does not say who sent a request")
	}
	if got := status(s.monolith.url("/openapi.yaml")); got != http.StatusOK {
		t.Errorf("the document needs a token: %d", got)
	}
}

// Health and metrics can have an address of their own. The command that asks for the health finds it.
func TestOperationsApart(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	p := launch(t, "catalog", s.env(s.catalogDB, "HTTP_OPERATIONS_ADDR=127.0.0.1:0")...)
	addr := ""
	eventually(t, "the catalog listens for operations", func() bool {
		_, line, _ := strings.Cut(p.log.String(), `msg="listening for operations"`)
		addr = listenAddress("listening" + line)
		return addr != ""
	})
	eventually(t, "the catalog is ready", func() bool { return status("http://"+addr+"/readyz") == http.StatusOK })
	for path, want := range map[string]int{"/readyz": 404, "/catalog/livez": 404, "/metrics": 404, "/catalog/api/v1/markets": 200} {
		if got := status(p.url(path)); got != want {
			t.Errorf("%s beside the API: %d, want %d", path, got, want)
		}
	}
	if got := status("http://" + addr + "/metrics"); got != http.StatusOK {
		t.Errorf("/metrics of operations: %d", got)
	}
	env := []string{"HTTP_ADDR=" + p.addr, "HTTP_OPERATIONS_ADDR=" + addr}
	if r := command(t, env, "catalog", "healthcheck").ok(t); r.stdout != "ready\n" && !strings.HasPrefix(r.stdout, "degraded") {
		t.Errorf("healthcheck prints %q", r.stdout)
	}
}
