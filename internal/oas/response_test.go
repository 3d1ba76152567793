package oas_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/oas"
)

// If the handler panics while its answer is held back, the client must still get an error. The panic skips the check.
func TestAPanicBehindAHeldAnswerIsAProblem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.answer = func(c echo.Context) error {
		c.Response().Header().Set("ETag", `"1"`)
		panic("a bug")
	}
	if w, _ := b.do("POST", "/things", `{"name":"a"}`, "Content-Type", "application/json"); w.Code != http.StatusInternalServerError {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

// The validation's own answers are checked against the document too.
func TestARefusalIsComparedWithTheDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/things.yaml")
	if err != nil {
		t.Fatal(err)
	}
	undescribed := strings.ReplaceAll(string(text), "        default: {$ref: '#/components/responses/Problem'}\n", "")
	b := setupWith(t, []byte(undescribed), oas.Config{MaxBody: 1000})
	tests := map[string]struct {
		body   string
		header []string
		status int
	}{
		"406": {`{"name":"a"}`, []string{"Accept", "text/html"}, 406},
		"413": {`{"name":"` + strings.Repeat("a", 1000) + `"}`, []string{"Content-Type", "application/json"}, 413},
		"415": {`{"name":"a"}`, []string{"Content-Type", "text/plain"}, 415},
		"422": {`{}`, []string{"Content-Type", "application/json"}, 422},
	}
	for name, tt := range tests { //nolint:paralleltest // they share the list of differences
		t.Run(name, func(t *testing.T) {
			b.wrong = nil
			w, _ := b.do("POST", "/things", tt.body, tt.header...)
			if w.Code != tt.status || len(b.wrong) != 1 || !strings.Contains(b.wrong[0], "status is not supported") {
				t.Errorf("answered %d, found %q", w.Code, b.wrong)
			}
		})
	}
}
