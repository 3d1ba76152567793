package httpserver_test

import (
	"bufio"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
)

func numbers(n int, fail error) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
		if fail != nil {
			yield(0, fail)
		}
	}
}

func TestStreamArray(t *testing.T) {
	t.Parallel()
	stream := func(n int, fail error) echo.HandlerFunc {
		return func(c echo.Context) error {
			return httpserver.StreamArray(c.Request().Context(), c.Response(), time.Second, numbers(n, fail))
		}
	}
	away := apperr.New(apperr.Unavailable, "away")
	tests := map[string]struct {
		n      int
		fail   error
		status int
		check  func(text string) bool
	}{
		"Empty":          {0, nil, 200, func(s string) bool { return s == "[]\n" }},
		"Some":           {3, nil, 200, func(s string) bool { return s == "[0,1,2]\n" }},
		"FailsAtOnce":    {0, away, 503, func(s string) bool { return strings.Contains(s, "problems/unavailable") }},
		"FailsEarly":     {3, away, 0, func(s string) bool { return strings.Contains(s, "cut off") }},
		"FailsInTheFlow": {100_000, away, 200, func(s string) bool { return strings.Contains(s, "cut off") }},
		"Long":           {100_000, nil, 200, func(s string) bool { return json.Valid([]byte(s)) && strings.HasSuffix(s, ",99999]\n") }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, stream(tt.n, tt.fail))
			if resp, text := b.get("/it"); resp.StatusCode != tt.status || !tt.check(text) {
				t.Errorf("answered %d %.80s", resp.StatusCode, text)
			}
		})
	}
}

// The first items are sent before the last one has been read.
func TestStreamArrayDoesNotGatherTheList(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	items := func(yield func(string, error) bool) {
		for i := 0; ; i++ {
			if i == 5000 { // more than is collected before it is sent
				<-goOn
				return
			}
			if !yield("some item or other", nil) {
				return
			}
		}
	}
	b := setup(t, func(c echo.Context) error {
		return httpserver.StreamArray(c.Request().Context(), c.Response(), time.Minute, items)
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/it", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := bufio.NewReader(resp.Body).ReadString(','); err != nil || text != `["some item or other",` {
		t.Errorf("read %q, %v", text, err)
	}
	close(goOn)
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Error(err)
	}
}
