package apiclient_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
)

func TestWritten(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		id, version string
		wantID      string
		wantVersion int64
	}{
		"Both":       {"NL", "4", "NL", 4},
		"Neither":    {"", "", "", 0},
		"NotANumber": {"NL", "new", "", 0},
		"Zero":       {"NL", "0", "", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			header.Set("Aggregate-Id", tt.id)
			header.Set("Aggregate-Version", tt.version)
			if id, version := apiclient.Written(&http.Response{Header: header}); id != tt.wantID || version != tt.wantVersion {
				t.Errorf("wrote %q at %d", id, version)
			}
		})
	}
}

func TestAtLeast(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		version   int64
		wait      time.Duration
		wantQuery string
		wantWait  string
	}{
		"Wait":        {3, 5 * time.Second, "a=b&min_version=3", "wait=5"},
		"RoundedUp":   {3, 1200 * time.Millisecond, "a=b&min_version=3", "wait=2"},
		"NoWait":      {3, 0, "a=b&min_version=3", ""},
		"NothingSaid": {0, 5 * time.Second, "a=b", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop.example/it?a=b", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if err := apiclient.AtLeast(tt.version, tt.wait)(t.Context(), request); err != nil {
				t.Fatal(err)
			}
			if request.URL.RawQuery != tt.wantQuery || request.Header.Get("Prefer") != tt.wantWait {
				t.Errorf("asks for %s with %q", request.URL, request.Header.Get("Prefer"))
			}
		})
	}
}
